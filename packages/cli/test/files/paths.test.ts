import { describe, expect, it } from "vitest";
import { controlSocketBeside, defaultPaths, socketsToTry } from "../../src/files/paths.ts";

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
      cacheDir: "/var/cache/branchcache/data",
      secretFile: "/var/lib/branchcache/secret",
      socket: "/run/branchcache/api.sock",
      configFile: "/etc/branchcache/branchcache.json",
    });
  });

  it("are the user's own for anybody else", () => {
    expect(defaultPaths(user)).toEqual({
      cacheDir: "/home/u/.cache/branchcache/data",
      secretFile: "/home/u/.local/state/branchcache/secret",
      socket: "/run/user/1000/branchcache/api.sock",
      configFile: "/home/u/.config/branchcache/branchcache.json",
    });
  });

  it("follow the XDG variables", () => {
    const env = { XDG_CACHE_HOME: "/c", XDG_STATE_HOME: "/s", XDG_RUNTIME_DIR: "/r", XDG_CONFIG_HOME: "/k" };
    expect(defaultPaths({ ...user, env })).toEqual({
      cacheDir: "/c/branchcache/data",
      secretFile: "/s/branchcache/secret",
      socket: "/r/branchcache/api.sock",
      configFile: "/k/branchcache/branchcache.json",
    });
  });

  it("are those that a service manager made, whoever the daemon runs as", () => {
    const env = { CACHE_DIRECTORY: "/c/bc:/d", STATE_DIRECTORY: "/s/bc", RUNTIME_DIRECTORY: "/r/bc" };
    expect(defaultPaths({ ...user, env })).toEqual({
      cacheDir: "/c/bc/data",
      secretFile: "/s/bc/secret",
      socket: "/r/bc/api.sock",
      configFile: "/etc/branchcache/branchcache.json",
    });
  });

  it("are the system's for the service's user, whose HOME may still be somebody else's", () => {
    const service = { ...user, uid: 995, env: {}, home: "/root", accountHome: "/var/lib/branchcache" };
    expect(defaultPaths(service)).toEqual(defaultPaths(root));
    expect(socketsToTry(service)).toEqual(["/run/branchcache/api.sock"]);
  });

  it("put the socket for administration beside the one for callers", () => {
    expect(controlSocketBeside("/run/branchcache/api.sock")).toBe("/run/branchcache/control.sock");
    expect(controlSocketBeside("/t/a.sock")).toBe("/t/a.control.sock");
    expect(controlSocketBeside("/t/a")).toBe("/t/a.control");
    expect(controlSocketBeside(String.raw`\\.\pipe\branchcache-api`)).toBe(
      String.raw`\\.\pipe\branchcache-control`,
    );
  });

  it("name a pipe on Windows", () => {
    expect(defaultPaths({ ...user, platform: "win32" }).socket).toBe(String.raw`\\.\pipe\branchcache-api`);
  });

  it("let a user reach his own daemon first, then the machine's", () => {
    expect(socketsToTry(user)).toEqual(["/run/user/1000/branchcache/api.sock", "/run/branchcache/api.sock"]);
    expect(socketsToTry(root)).toEqual(["/run/branchcache/api.sock"]);
  });
});
