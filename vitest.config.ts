import { defineConfig, type TestUserConfig } from "vitest/config";

/** Tests resolve packages to their sources, so coverage is right and no build is needed for them. */
export const conditions = ["source", "module", "node", "development|production"];

/** Where `TEST_REPORT` names a file, a report goes there as well. */
const report = process.env["TEST_REPORT"];
export const reporters: NonNullable<TestUserConfig["reporters"]> = report
  ? ["default", ["json", { outputFile: report }]]
  : ["default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    reporters,
    // The settings of whoever runs the tests are none of theirs.
    env: { BRANCHCACHE_CONFIG: "" },
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/*.slow.test.ts"],
    // Against hanging only: a busy machine must not fail a test.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Half of the time goes into starting processes and waiting for them: one worker a core, not one less.
    maxWorkers: "100%",
    // Files of tests share what they import, which halves their processor time: none may count on a module's being fresh.
    isolate: false,
    restoreMocks: true,
    unstubEnvs: true,
    coverage: { provider: "v8", include: ["packages/*/src/**"] },
  },
});
