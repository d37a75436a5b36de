/** Commands whose reader has seen enough, as `head` has. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";

const packages = join(import.meta.dirname, "../../packages");

it.each([
  ["branchcache", "cli/dist/branchcache.js", ["config", "schema"]],
  ["branchcached", "cli/dist/branchcached.js", ["--help"]],
  ["branchcache-conformance", "conformance/dist/bin.js", ["retrieval-server", "--list"]],
  ["dgram-ws-discovery", "dgram-ws-discovery/dist/node/bin.js", ["--help"]],
])("%s ends well, and says nothing of it", async (_, path, args) => {
  const child = spawn(process.execPath, [join(packages, path), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.destroy();
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  expect([stderr, code]).toEqual(["", 0]);
});
