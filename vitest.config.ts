import { defineConfig, type TestUserConfig } from "vitest/config";
import { pool } from "./vitest.pool.ts";

/** Tests resolve packages to their sources, so coverage is right and no build is needed for them. */
export const conditions = ["source", "module", "node", "development|production"];

/** Where `TEST_REPORT` names a file, a report goes there as well. */
const report = process.env["TEST_REPORT"];
export const reporters: NonNullable<TestUserConfig["reporters"]> = report
  ? ["default", ["json", { outputFile: report }]]
  : ["default"];

/**
 * Their files of tests share what they import, which halves the processor time: none may count on a module's being fresh.
 * The others open LMDB's maps and start processes, and have a process of their own for each file.
 */
const sharing = [
  "content-info",
  "conformance",
  "dgram-ws-discovery",
  "discovery",
  "hosted-cache",
  "http-encoding",
  "retrieval",
  "runtime",
];
const alone = ["cache-store", "cli", "peer-node", "peerdist"];
const testsOf = (packages: readonly string[]): string[] =>
  packages.map((name) => `packages/${name}/test/**/*.test.ts`);

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    reporters,
    pool,
    // The settings of whoever runs the tests are none of theirs.
    env: { BRANCHCACHE_CONFIG: "" },
    exclude: ["**/node_modules/**", "**/dist/**", "**/*.slow.test.ts"],
    // Against hanging only: a busy machine must not fail a test.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    // Half of the time goes into starting processes and waiting for them: one worker a core, not one less.
    maxWorkers: "100%",
    restoreMocks: true,
    unstubEnvs: true,
    projects: [
      { extends: true, test: { name: "sharing", include: testsOf(sharing), isolate: false } },
      { extends: true, test: { name: "alone", include: [...testsOf(alone), "test/**/*.test.ts"] } },
    ],
    coverage: { provider: "v8", include: ["packages/*/src/**"] },
  },
});
