import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { cruisePackages } from "./cruise.mjs";

type Tree = Readonly<Record<string, string>>;

/** A small workspace that keeps every rule. */
const sound: Tree = {
  "packages/runtime/src/index.ts": 'export { one } from "./one.ts";\n',
  "packages/runtime/src/one.ts": "export const one = 1;\n",
  "packages/runtime/src/node.ts": 'export { readFileSync } from "node:fs";\n',
  "packages/runtime/src/testing.ts": 'export { one as fake } from "./one.ts";\n',
  "packages/content-info/src/index.ts": 'export { one } from "@branchcache/runtime";\n',
  "packages/discovery/src/index.ts":
    'export { one } from "@branchcache/content-info";\nexport { probe } from "dgram-ws-discovery";\n',
  "packages/dgram-ws-discovery/src/index.ts": "export const probe = 2;\n",
  "packages/retrieval/src/index.ts": "export const retrieval = 3;\n",
  "test/whole.test.ts": 'import { helper } from "./helper.ts";\n',
  "test/helper.ts": "export const helper = 4;\n",
};

const declared: Readonly<Record<string, readonly string[]>> = {
  "content-info": ["runtime"],
  discovery: ["content-info", "dgram-ws-discovery"],
  "dgram-ws-discovery": ["runtime"],
  retrieval: ["discovery"],
};

const packageName = (folder: string) => (folder === "dgram-ws-discovery" ? folder : `@branchcache/${folder}`);

let root = "";

function write(tree: Tree): void {
  for (const [path, text] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

function lay(folder: string, dependencies: readonly string[]): void {
  const subpaths = ["node", "testing"].map((name) => [`./${name}`, { source: `./src/${name}.ts` }]);
  write({
    [`packages/${folder}/package.json`]: JSON.stringify({
      name: packageName(folder),
      type: "module",
      exports: { ".": { source: "./src/index.ts" }, ...Object.fromEntries(subpaths) },
      dependencies: Object.fromEntries(dependencies.map((name) => [packageName(name), "workspace:*"])),
    }),
  });
  for (const name of dependencies) {
    const link = join(root, "packages", folder, "node_modules", packageName(name));
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, "packages", name), link, "dir");
  }
}

async function faultsWith(planted: Tree): Promise<readonly string[]> {
  write(planted);
  return (await cruisePackages(root)).faults;
}

describe("the layers check", () => {
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), "layers-")));
    write(sound);
    for (const folder of ["runtime", "content-info", "discovery", "dgram-ws-discovery", "retrieval"]) {
      lay(folder, declared[folder] ?? []);
    }
    return () => rmSync(root, { recursive: true });
  });

  it("passes a sound workspace, and says how much it read", async () => {
    const { packages, modules, dependencies, faults } = await cruisePackages(root);
    expect(faults).toEqual([]);
    expect({ packages, modules, dependencies }).toEqual({ packages: 5, modules: 8, dependencies: 6 });
  });

  it.each([
    ["a neighbour", "retrieval", 'export * from "@branchcache/discovery";', "arrows of retrieval"],
    [
      "dgram-ws-discovery imports ours",
      "dgram-ws-discovery",
      'export * from "@branchcache/runtime";',
      "arrows of dgram-ws-discovery",
    ],
    ["undeclared, upward", "runtime", 'export * from "@branchcache/content-info";', "everything resolves"],
    ["undeclared, from a registry", "runtime", 'export * from "undici";', "only declared dependencies"],
    [
      "relative",
      "content-info",
      'export * from "../../runtime/src/one.ts";',
      "no relative import into another package",
    ],
    ["a node: module", "runtime", 'export { readFile } from "node:fs";', "node modules behind ./node only"],
    [
      "./node from the main entry",
      "runtime",
      'export * from "./node.ts";',
      "no ./node source from outside of it",
    ],
    [
      "another's ./node",
      "content-info",
      'export * from "@branchcache/runtime/node";',
      "no ./node source from outside of it",
    ],
    ["./testing from the main entry", "runtime", 'export * from "./testing.ts";', "fakes in tests only"],
  ])("catches %s", async (_, folder, line, rule) => {
    const faults = await faultsWith({ [`packages/${folder}/src/planted.ts`]: `${line}\n` });
    expect(
      faults.filter((fault) => fault.startsWith(`packages/${folder}/src/planted.ts`)).join("\n"),
    ).toContain(rule);
  });

  it("catches a test of the whole that reaches into a package", async () => {
    const faults = await faultsWith({ "test/planted.ts": 'import "../packages/runtime/src/one.ts";\n' });
    expect(faults.join("\n")).toContain("tests of the whole and benchmarks use public entries");
  });

  it.each([
    ["", "export * from", "export * from"],
    [
      " that types close",
      'import type { B } from "./b.ts";\nexport type A = B;\n//',
      "export type B = 1;\nexport * from",
    ],
    [
      " of types alone",
      'import type { B } from "./b.ts";\nexport type A = B;\n//',
      'export type B = 1;\nimport type { A } from "./a.ts";\nexport type C = A;\n//',
    ],
  ])("catches a cycle%s", async (_, a, b) => {
    const faults = await faultsWith({
      "packages/runtime/src/a.ts": `${a} "./b.ts";\n`,
      "packages/runtime/src/b.ts": `${b} "./a.ts";\n`,
    });
    expect(faults.join("\n")).toContain("no cycles");
  });

  it("catches a dependency for development in a source", async () => {
    lay("hosted-cache", []);
    write({
      "packages/hosted-cache/package.json": JSON.stringify({
        name: "@branchcache/hosted-cache",
        type: "module",
        devDependencies: { helper: "1.0.0" },
      }),
      "packages/hosted-cache/node_modules/helper/package.json": JSON.stringify({
        name: "helper",
        version: "1.0.0",
        main: "dist/index.js",
      }),
      "packages/hosted-cache/node_modules/helper/dist/index.js": "module.exports = {};\n",
    });
    const faults = await faultsWith({ "packages/hosted-cache/src/index.ts": 'import "helper";\n' });
    expect(faults.join("\n")).toContain("only declared dependencies");
  });

  it("catches a package that nobody gave a place, and one without sources", async () => {
    lay("newcomer", []);
    const faults = await faultsWith({ "packages/newcomer/src/readme.txt": "" });
    expect(faults).toEqual([
      "packages/newcomer: has no line in test/layers/rules.mjs",
      "packages/newcomer: no source was read",
    ]);
  });
});
