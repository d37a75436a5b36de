import { describe, expect, it } from "vitest";
import { defaultPaths, socketsToTry } from "../src/paths.ts";

const root = { platform: "linux", uid: 0, env: {}, home: "/root" } as const;
const user = {
  platform: "linux",
  uid: 1000,
  env: { XDG_RUNTIME_DIR: "/run/user/1000" },
  home: "/home/u",
} as const;

describe("default paths", () => {
  it("are the system's for root", () => {
    expect(defaultPaths(root)).toEqual({
      cacheDir: "/var/cache/branchcache",
      secretFile: "/var/lib/branchcache/secret",
      socket: "/run/branchcache/api.sock",
    });
  });

  it("are the user's own for anybody else", () => {
    expect(defaultPaths(user)).toEqual({
      cacheDir: "/home/u/.cache/branchcache",
      secretFile: "/home/u/.local/state/branchcache/secret",
      socket: "/run/user/1000/branchcache/api.sock",
    });
  });

  it("follow the XDG variables", () => {
    const env = { XDG_CACHE_HOME: "/c", XDG_STATE_HOME: "/s", XDG_RUNTIME_DIR: "/r" };
    expect(defaultPaths({ ...user, env })).toEqual({
      cacheDir: "/c/branchcache",
      secretFile: "/s/branchcache/secret",
      socket: "/r/branchcache/api.sock",
    });
  });

  it("name a pipe on Windows", () => {
    expect(defaultPaths({ ...user, platform: "win32" }).socket).toBe(String.raw`\\.\pipe\branchcache-api`);
  });

  it("let a user reach his own daemon first, then the machine's", () => {
    expect(socketsToTry(user)).toEqual(["/run/user/1000/branchcache/api.sock", "/run/branchcache/api.sock"]);
    expect(socketsToTry(root)).toEqual(["/run/branchcache/api.sock"]);
  });
});
