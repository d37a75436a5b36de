import { afterEach, describe, expect, it, vi } from "vitest";

import { requirement } from "./requires.ts";

/** The module remembers what it found, so each case loads its own. */
async function fresh(environment: Readonly<Record<string, string>>): Promise<typeof requirement> {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  vi.resetModules();
  return (await import("./requires.ts")).requirement;
}

describe("requirement", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    // Test files share modules: the next one must not be told what was looked for in an empty PATH.
    vi.resetModules();
  });

  it("is met by what is there", () => {
    if (process.getuid?.() === 0) expect(requirement("root")).toEqual({ ok: true, reason: "", path: "" });
    else expect(requirement("root")).toMatchObject({ ok: false });
  });

  it("prints once why something is absent", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const look = await fresh({ PATH: "/nowhere", BRANCHCACHE_REQUIRE_ALL: "" });
    const reason = "chromium or chromium-browser or google-chrome is not installed";
    expect(look("chromium")).toEqual({ ok: false, reason, path: "" });
    expect(look("chromium")).toEqual({ ok: false, reason, path: "" });
    expect(warn.mock.calls).toEqual([[`skipped, needs chromium: ${reason}`]]);
  });

  it("throws where everything is required", async () => {
    const look = await fresh({ PATH: "/nowhere", BRANCHCACHE_REQUIRE_ALL: "1" });
    expect(() => look("chromium")).toThrow("required here: chromium: chromium");
  });
});
