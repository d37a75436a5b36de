// @ts-check
/** A real nginx on loopback, with a directory and settings of its own, for tests and benchmarks. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** @typedef {AsyncDisposable & { readonly port: number, readonly url: string }} Nginx */

/**
 * Resolves once it takes connections.
 * @param {string} program
 * @param {(port: number, directory: string) => string} httpBlock what stands in `http { }`; the server in it listens on `port`
 * @returns {Promise<Nginx>}
 */
export async function startNginx(program, httpBlock) {
  const directory = await mkdtemp(join(tmpdir(), "branchcache-nginx-"));
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => {
    return `${kind}_temp_path ${join(directory, kind)};`;
  });
  await mkdir(join(directory, "cache"));
  const config = join(directory, "nginx.conf");
  await writeFile(
    config,
    `daemon off; worker_processes 1; ${process.getuid?.() === 0 ? "user root;" : ""}
pid ${join(directory, "pid")};
error_log ${join(directory, "error.log")};
events { worker_connections 1024; }
http { access_log off; ${temporary.join("\n")}
${httpBlock(port, directory)}
}\n`,
  );
  const child = spawn(program, ["-e", join(directory, "error.log"), "-c", config, "-p", directory], {
    stdio: "ignore",
  });
  const ended = once(child, "exit");
  await listening(port, child);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function freePort() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  server.close();
  await once(server, "close");
  return port;
}

/** nginx says nothing when it is ready. @param {number} port @param {import("node:child_process").ChildProcess} child */
async function listening(port, child) {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`);
    const socket = connect(port, "127.0.0.1");
    const open = await new Promise((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
