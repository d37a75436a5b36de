// @ts-check
/**
 * `node local-registry.mjs <tarballs> <workspace>`: a package registry on loopback. It holds the packed packages of
 * this workspace, and the packages of others in the versions that the workspace was installed with: what
 * `npm install` finds on the public one, without a network.
 */
import { execFile, execFileSync } from "node:child_process";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";

const [tarballs = "", workspace = ""] = process.argv.slice(2);

/**
 * @typedef {{ name: string, version: string, [field: string]: unknown }} Manifest
 * @typedef {{ manifest: Manifest, pack: () => Promise<Uint8Array> }} Entry
 */

/** @type {Map<string, Map<string, Entry>>} by name and version */
const packages = new Map();

/** @param {Entry} entry */
function add(entry) {
  const { name, version } = entry.manifest;
  const versions = packages.get(name) ?? new Map();
  packages.set(name, versions.set(version, entry));
}

for (const file of readdirSync(tarballs)) {
  const path = join(tarballs, file);
  const text = execFileSync("tar", ["-xzOf", path, "package/package.json"], { encoding: "utf8" });
  add({ manifest: JSON.parse(text), pack: async () => readFileSync(path) });
}

/** Directories, and not the links to other packages' directories. @param {string} folder */
const ownFolders = (folder) =>
  readdirSync(folder).filter((name) => lstatSync(join(folder, name)).isDirectory());

const installed = join(workspace, "node_modules/.pnpm");
for (const place of ownFolders(installed)) {
  if (place === "node_modules") continue;
  const modules = join(installed, place, "node_modules");
  for (const name of ownFolders(modules)) {
    const inside = name.startsWith("@")
      ? ownFolders(join(modules, name)).map((one) => join(name, one))
      : [name];
    for (const one of inside.filter((each) => each !== ".bin")) {
      const folder = join(modules, one);
      add({
        manifest: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")),
        pack: () => packed(folder),
      });
    }
  }
}

/** @param {string} folder */
async function packed(folder) {
  // Files of the same content are one file in pnpm's store; npm unpacks no links.
  const args = [
    "-czf",
    "-",
    "--hard-dereference",
    "--exclude=./node_modules",
    "--transform=s,^[.],package,",
    ".",
  ];
  const options = { cwd: folder, encoding: /** @type {"buffer"} */ ("buffer"), maxBuffer: 2 ** 28 };
  return (await promisify(execFile)("tar", args, options)).stdout;
}

const server = createServer(async (request, response) => {
  const [name = "", version] = decodeURIComponent(request.url ?? "")
    .slice(1)
    .split("/-/");
  const versions = packages.get(name);
  const entry = versions?.get(version ?? "");
  if (!versions || (version !== undefined && !entry)) response.writeHead(404).end("{}");
  else if (entry)
    response.writeHead(200, { "Content-Type": "application/octet-stream" }).end(await entry.pack());
  else {
    const manifests = [...versions.values()].map(({ manifest }) => [
      manifest.version,
      { ...manifest, dist: { tarball: `http://${request.headers.host}/${name}/-/${manifest.version}` } },
    ]);
    const latest = manifests.at(-1)?.[0];
    const document = { name, "dist-tags": { latest }, versions: Object.fromEntries(manifests) };
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(document));
  }
});
server.listen(0, "127.0.0.1", () => {
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  process.stderr.write(
    `${JSON.stringify({ event: "service.started", url: `http://127.0.0.1:${address.port}/` })}\n`,
  );
});
