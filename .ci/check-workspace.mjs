// @ts-check
/**
 * Holds what no other tool looks at: `node .ci/check-workspace.mjs`.
 *
 * - the lock file names no host and no tarball address, and no file names a registry;
 * - every package has README.md and LICENSE, and the same licence, engines and module type as the rest;
 * - every dependency of every package.json has a line of reason in docs/dependencies.md, and every line a dependency;
 * - every package imports what it depends on, is built by the root tsconfig, and refers to ours that it needs;
 * - every link in a Markdown page to a file of ours names one that is there, and a heading that it has.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
/** @type {string[]} */
const faults = [];
/** @param {string} path */
const read = (path) => readFileSync(join(root, path), "utf8");
/** @param {string} path */
const readJson = (path) => JSON.parse(read(path));

const tracked = execFileSync(
  "git",
  ["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
  {
    cwd: root,
    encoding: "utf8",
  },
)
  .split("\0")
  .filter((path) => path !== "" && existsSync(join(root, path)));

for (const path of tracked) {
  const text = read(path);
  if (/registry\.[a-z0-9-]+\.[a-z]/i.test(text)) faults.push(`${path}: names a registry host`);
  if (path === "pnpm-lock.yaml" && /https?:|tarball:/.test(text)) faults.push(`${path}: names an address`);
}

/** As they are written in a link. @param {string} page */
const headingsOf = (page) => {
  const headings = page.replaceAll(/^```.*?^```/gms, "").match(/(?<=^#+ ).+/gm) ?? [];
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- ]/gu, "")
      .replaceAll(" ", "-"),
  );
};
for (const path of tracked.filter((name) => name.endsWith(".md"))) {
  const page = read(path).replaceAll(/^```.*?^```/gms, "");
  for (const [, link = ""] of page.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(link)) continue;
    const [file = "", heading] = link.split("#");
    const target = file === "" ? path : join(dirname(path), file);
    if (!existsSync(join(root, target))) faults.push(`${path}: ${link} is not there`);
    else if (heading !== undefined && target.endsWith(".md") && !headingsOf(read(target)).includes(heading))
      faults.push(`${path}: ${link} names no heading`);
  }
}

const folders = readdirSync(join(root, "packages")).sort();
const manifests = tracked.filter((path) => /(?:^|\/)package\.json$/.test(path));
const own = new Set(folders.map((folder) => readJson(`packages/${folder}/package.json`).name));

const listed = new Set(read("docs/dependencies.md").match(/(?<=^\| `)[^`]+(?=` \|)/gm));
const used = new Set();
for (const path of manifests) {
  const { dependencies = {}, devDependencies = {}, scripts = {} } = readJson(path);
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) {
    if (own.has(name)) continue;
    used.add(name);
    if (!listed.has(name)) faults.push(`${path}: ${name} has no line in docs/dependencies.md`);
  }
  for (const name of ["preinstall", "install", "postinstall", "prepare"]) {
    if (name in scripts) faults.push(`${path}: has the install script ${name}`);
  }
}
for (const name of listed) {
  if (!used.has(name)) faults.push(`docs/dependencies.md: nobody depends on ${name}`);
}

const built = new Set(
  readJson("tsconfig.json").references.map((/** @type {{ path: string }} */ one) => one.path),
);
for (const folder of folders) {
  const path = `packages/${folder}`;
  for (const name of ["README.md", "LICENSE", "tsconfig.json"]) {
    if (!existsSync(join(root, path, name))) faults.push(`${path}: has no ${name}`);
  }
  if (!built.has(path)) faults.push(`tsconfig.json: does not build ${path}`);
  const manifest = readJson(`${path}/package.json`);
  const common = {
    license: "MIT",
    type: "module",
    sideEffects: false,
    version: readJson("packages/runtime/package.json").version,
  };
  for (const [key, value] of Object.entries(common)) {
    if (manifest[key] !== value) faults.push(`${path}/package.json: ${key} is not ${value}`);
  }
  if (manifest.engines?.node !== readJson("package.json").engines.node) {
    faults.push(`${path}/package.json: engines differ from the root's`);
  }
  const references = (readJson(`${path}/tsconfig.json`).references ?? []).map(
    (/** @type {{ path: string }} */ one) =>
      readJson(join(normalize(join(path, one.path)), "package.json")).name,
  );
  const sources = tracked.filter((file) => file.startsWith(`${path}/src/`)).map(read);
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    if (!sources.some((text) => text.includes(`"${name}"`) || text.includes(`"${name}/`))) {
      faults.push(`${path}/package.json: nothing in src imports ${name}`);
    }
    if (own.has(name) && !references.includes(name))
      faults.push(`${path}/tsconfig.json: no reference to ${name}`);
  }
}

for (const fault of faults) console.error(fault);
console.log(
  `workspace: ${folders.length} packages, ${used.size} dependencies, ${tracked.length} files, ${faults.length} faults`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
