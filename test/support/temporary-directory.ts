import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A fresh, empty directory, which goes when the test has ended: to be called in a test, or in its `beforeEach`. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "branchcache-test-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}
