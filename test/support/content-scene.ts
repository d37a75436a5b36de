/** Two content servers as a user runs them, over the same files: `serve`, and `gateway` before a real nginx. */
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { toHex } from "@branchcache/runtime";
import { type RunningService, startGateway, startServe } from "./content-service.ts";
import { type Nginx, startNginx } from "./nginx.mjs";

/** Of the binary files, in seconds and as HTTP has it. */
export const MODIFIED_SECONDS = 1_000_000;
export const MODIFIED: string = new Date(MODIFIED_SECONDS * 1_000).toUTCString();
/** Over the 1 MB from which Windows Server 2008 R2 closes connections. */
export const binary: Buffer = Buffer.alloc(
  1_300_001,
  Uint8Array.from({ length: 251 }, (_, i) => (i * 31 + 7) % 251),
);
const page = `<!doctype html><title>office</title><link rel=icon href=data:,><p>${"words ".repeat(40_000)}</p>`;

export interface ContentScene extends AsyncDisposable {
  /** For whatever a test writes; removed with the scene. */
  readonly directory: string;
  readonly root: string;
  readonly origin: Nginx;
  readonly gateway: RunningService;
  readonly serve: RunningService;
  /** Each with its name. */
  readonly services: readonly (readonly [name: string, url: string])[];
}

/** `nginx`: the program. `binaries`: names of files of the content above. */
export async function contentScene(nginx: string, binaries: readonly string[]): Promise<ContentScene> {
  const directory = await mkdtemp(join(tmpdir(), "branchcache-clients-"));
  const root = join(directory, "www");
  await mkdir(join(root, "a b"), { recursive: true });
  await writeFile(join(root, "page.html"), page);
  await writeFile(join(root, "boot.ipxe"), binary.subarray(0, 66_560));
  for (const name of binaries) {
    await writeFile(join(root, name), binary);
    await utimes(join(root, name), MODIFIED_SECONDS, MODIFIED_SECONDS);
  }
  const [origin, serve] = await Promise.all([
    startNginx(
      nginx,
      (port) => `types { text/html html; application/octet-stream bin; }
      server { listen 127.0.0.1:${port}; root ${root}; gzip on; gzip_proxied any;
        location /slow/ { alias ${root}/; limit_rate 2m; } }`,
    ),
    startServe(root),
  ]);
  const gateway = await startGateway(origin.url);
  return {
    directory,
    root,
    origin,
    gateway,
    serve,
    services: [
      ["gateway", gateway.url],
      ["serve", serve.url],
    ],
    async [Symbol.asyncDispose]() {
      await Promise.all([gateway, serve].map((service) => service[Symbol.asyncDispose]()));
      await origin[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The range that Content Information describes. Throws where a segment of `content` has another hash. */
export function rangeDescribed(contentInformation: Uint8Array, content: Uint8Array) {
  const { range, segments } = readContentInformation(contentInformation, nodeHashEngine);
  for (const { offsetBytes, lengthBytes, algorithm, blockHashes } of segments) {
    const bytes = content.subarray(offsetBytes, offsetBytes + lengthBytes);
    const [said = bytes] = blockHashes;
    if (toHex(said) !== toHex(nodeHashEngine.hash(algorithm, bytes))) {
      throw new Error(`other content at ${offsetBytes}`);
    }
  }
  return range;
}
