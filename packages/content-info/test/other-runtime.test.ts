/** The main entry in QuickJS: another engine, with the language and nothing else, neither Node's nor a browser's. */
import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { newQuickJSWASMModuleFromVariant, type QuickJSContext } from "quickjs-emscripten-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { goThrough } from "./anywhere.js";
import { fileAt, importMap } from "./built-files.ts";
import { workedExamples } from "./support.ts";

let context: QuickJSContext;
beforeAll(async () => {
  const variant = import("@jitl/quickjs-ng-wasmfile-release-sync");
  context = (await newQuickJSWASMModuleFromVariant(variant)).newContext();
  context.runtime.setModuleLoader(load, (base, specifier) => addressOf(specifier, base));
});
afterAll(() => context.dispose());

function load(address: string): string | { error: Error } {
  const file = fileAt(address);
  return file === undefined ? { error: new Error(`nothing at ${address}`) } : readFileSync(file, "utf8");
}

/** As a browser's import map resolves it. */
function addressOf(specifier: string, base: string): string {
  if (specifier.startsWith(".")) return posix.join(posix.dirname(base), specifier);
  for (const [prefix, address] of Object.entries(importMap)) {
    if (specifier === prefix) return address;
    if (prefix.endsWith("/") && specifier.startsWith(prefix)) return address + specifier.slice(prefix.length);
  }
  return specifier;
}

/** What the module exports as `out`, a string. */
function run(source: string): string {
  const exported = context.unwrapResult(context.evalCode(source, "/main.js", { type: "module" }));
  const out = context.getProp(exported, "out").consume((handle) => context.getString(handle));
  exported.dispose();
  return out;
}

it("publishes, writes, reads and verifies as in Node", () => {
  const out = run(`
    import { nobleHashEngine } from "@branchcache/content-info";
    import { goThrough } from "go-through";
    export const out = JSON.stringify({
      result: goThrough(nobleHashEngine),
      globals: ["process", "window", "crypto", "TextEncoder", "setTimeout"].filter((name) => name in globalThis),
    });
  `);
  const expected = goThrough(nodeHashEngine);
  expect(JSON.parse(out)).toEqual({ result: expected, globals: [] });
  const example = workedExamples.v1.find(({ sizeBytes }) => sizeBytes === 65_537);
  expect(expected.versions[0]).toMatchObject({
    blob: example && "bytes" in example ? example.bytes : "",
    segments: [{ id: example?.segments[0]?.id, list: "complete", good: true, bad: false }],
  });
});
