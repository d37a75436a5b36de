// @ts-check
/** A real nginx on loopback, with a directory and settings of its own, for tests and benchmarks. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onFreePorts, until } from "./free-ports.mjs";

/** @typedef {AsyncDisposable & { readonly port: number, readonly url: string }} Nginx */
/** @typedef {(port: number, directory: string) => string} HttpBlock */

/**
 * Resolves once it takes connections.
 * @param {string} program
 * @param {HttpBlock} httpBlock what stands in `http { }`; the server in it listens on `port`
 * @returns {Promise<Nginx>}
 */
export function startNginx(program, httpBlock) {
  return onFreePorts(1, (port) => startOn(port, program, httpBlock));
}

/** @param {number} port @param {string} program @param {HttpBlock} httpBlock */
async function startOn(port, program, httpBlock) {
  const directory = await mkdtemp(join(tmpdir(), "branchcache-nginx-"));
  const config = join(directory, "nginx.conf");
  const log = join(directory, "error.log");
  const pid = join(directory, "pid");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => {
    return `${kind}_temp_path ${join(directory, kind)};`;
  });
  await mkdir(join(directory, "cache"));
  await writeFile(
    config,
    `daemon off; worker_processes 1; ${process.getuid?.() === 0 ? "user root;" : ""}
pid ${pid};
error_log ${log};
events { worker_connections 1024; }
http { access_log off; ${temporary.join("\n")}
${httpBlock(port, directory)}
}\n`,
  );
  const child = spawn(program, ["-e", log, "-c", config, "-p", directory], { stdio: "ignore" });
  const ended = once(child, "exit");
  const dispose = async () => {
    child.kill("SIGTERM");
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    // It writes the file when it listens on all its ports.
    await until(async () => {
      if (child.exitCode !== null)
        throw new Error(`nginx ended with ${child.exitCode}: ${await readFile(log, "utf8")}`);
      return existsSync(pid);
    });
  } catch (error) {
    await dispose();
    throw error;
  }
  return { port, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: dispose };
}
