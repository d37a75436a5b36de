// @ts-check
/**
 * Packs every package as it would be published, and has publint and are-the-types-wrong look at it:
 * `node .ci/check-packages.mjs`, after a build.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

const run = promisify(execFile);
const AT_ONCE = 2;
const root = fileURLToPath(new URL("..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "pack-"));

/**
 * @param {string} folder
 * @returns {Promise<string[]>} what is wrong
 */
async function faultsOf(folder) {
  const pkgDir = join(root, "packages", folder);
  const manifest = JSON.parse(readFileSync(join(pkgDir, "package.json"), "utf8"));
  const { stdout } = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", scratch], {
    cwd: pkgDir,
  });
  // npm 11 answers with a list, later ones with an object by name.
  /** @type {{ filename: string, files: { path: string }[] }[]} */
  const [packed] = Object.values(JSON.parse(stdout));
  if (!packed) throw new Error(`npm pack said ${stdout}`);
  const path = join(scratch, packed.filename);
  const faults = [];
  const strays = packed.files.filter(
    (file) => !/^(?:dist|src|docs)\/|^(?:package\.json|README\.md|LICENSE)$/.test(file.path),
  );
  if (strays.length > 0) faults.push(`packs ${strays.map((file) => file.path).join(", ")}`);
  const tarball = readFileSync(path);
  const { messages } = await publint({
    pack: { tarball: tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.byteLength) },
    strict: true,
  });
  faults.push(...messages.map((message) => `publint: ${formatMessage(message, manifest, { color: false })}`));
  const attw = join(root, "node_modules", ".bin", "attw");
  await run(attw, [path, "--profile", "esm-only", "--format", "ascii", "--no-color", "--no-emoji"]).catch(
    (/** @type {{ stdout?: string, message: string }} */ error) => {
      faults.push(`types: ${error.stdout || error.message}`);
    },
  );
  return faults;
}

const waiting = readdirSync(join(root, "packages")).sort();
let failed = 0;

async function work() {
  for (let folder = waiting.shift(); folder !== undefined; folder = waiting.shift()) {
    const faults = await faultsOf(folder).catch((error) => [String(error.stderr || error)]);
    failed += faults.length === 0 ? 0 : 1;
    console.log(`${faults.length === 0 ? "ok  " : "FAIL"} ${folder}`);
    for (const fault of faults) console.log(`     ${fault.trim().replaceAll("\n", "\n     ")}`);
  }
}

try {
  await Promise.all(Array.from({ length: AT_ONCE }, work));
} finally {
  rmSync(scratch, { recursive: true });
}
console.log(`packages: ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
