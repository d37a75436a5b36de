import { defineConfig } from "vitest/config";

/** Tests resolve packages to their sources, so coverage is right and no build is needed for them. */
export const conditions = ["source", "module", "node", "development|production"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/*.slow.test.ts"],
    coverage: { provider: "v8", include: ["packages/*/src/**"] },
  },
});
