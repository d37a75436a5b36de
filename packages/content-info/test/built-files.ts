/** The main entry as built, for runtimes that are not Node: specifiers, and the files that answer to them. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** Addresses that are no specifiers themselves. */
export const importMap: Readonly<Record<string, string>> = {
  "@branchcache/content-info": "/content-info/index.js",
  "@branchcache/runtime": "/runtime/index.js",
  "@noble/hashes/": "/noble/",
  "go-through": "/test/anywhere.js",
};

const folders: Readonly<Record<string, string>> = {
  "content-info": join(packageRoot, "dist"),
  runtime: join(packageRoot, "node_modules/@branchcache/runtime/dist"),
  noble: join(packageRoot, "node_modules/@noble/hashes"),
  test: join(packageRoot, "test"),
};

/** The file at an address of `importMap`, or beside one; undefined for any other address. */
export function fileAt(address: string): string | undefined {
  const [, folder = "", ...rest] = address.split("/");
  const root = folders[folder];
  return root === undefined || rest.includes("..") ? undefined : join(root, ...rest);
}
