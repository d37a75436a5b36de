/** A real nginx on loopback, with a directory and settings of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Nginx extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
}

/** `httpBlock`: what stands in `http { }`; the server in it listens on `port`. */
export async function startNginx(
  program: string,
  httpBlock: (port: number, directory: string) => string,
): Promise<Nginx> {
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

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** nginx says nothing when it is ready. */
async function listening(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`);
    const socket = connect(port, "127.0.0.1");
    const open = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
