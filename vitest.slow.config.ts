import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { conditions, reporters } from "./vitest.config.ts";
import { pool } from "./vitest.pool.ts";

/** The slow lane: full counts of mutations, kills and simulations. */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    reporters,
    pool,
    // The settings of whoever runs the tests are none of theirs.
    env: { BRANCHCACHE_CONFIG: "", BRANCHCACHE_SLOW_LANE: "1" },
    include: ["packages/*/test/**/*.slow.test.ts", "test/**/*.slow.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    testTimeout: 3_600_000,
    // Much of the time is waiting.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
    hookTimeout: 120_000,
  },
});
