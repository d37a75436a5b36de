// @ts-check
/** Ports for programs that cannot be told to take any free one, and cannot say which they took. */
import { once } from "node:events";
import { createServer } from "node:net";

/** Before such a program takes its port, another one may. */
const ATTEMPTS = 5;
const POLL_MS = 10;

/**
 * Gives `start` so many TCP ports of 127.0.0.1 that were free a moment ago, and others where it rejects.
 * @template T
 * @param {number} count
 * @param {(...ports: number[]) => Promise<T>} start rejects when its program ends early
 * @returns {Promise<T>}
 */
export async function onFreePorts(count, start) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(...(await freePorts(count)));
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/**
 * For what says nothing when something has come about.
 * @param {() => boolean | Promise<boolean>} condition asked again and again; what it throws ends the wait
 */
export async function until(condition) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

/** @param {number} count */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = servers.map(
    (server) => /** @type {import("node:net").AddressInfo} */ (server.address()).port,
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
