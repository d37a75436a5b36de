/** Where things lie unless told otherwise: the system's places for root, the user's own for others. */
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

export interface DefaultPaths {
  /** Blocks, segment records and publications. */
  readonly cacheDir: string;
  /** Content server's secret. */
  readonly secretFile: string;
  /** The daemon's socket for local callers. */
  readonly socket: string;
}

export interface PathEnvironment {
  readonly platform: NodeJS.Platform;
  readonly uid: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

export function defaultPaths(from: PathEnvironment = thisProcess()): DefaultPaths {
  const { platform, uid, env, home } = from;
  if (platform === "win32") {
    const base = join(env["LOCALAPPDATA"] ?? join(home, "AppData", "Local"), "branchcache");
    return {
      cacheDir: join(base, "cache"),
      secretFile: join(base, "secret"),
      socket: String.raw`\\.\pipe\branchcache-api`,
    };
  }
  if (uid === 0) {
    return {
      cacheDir: "/var/cache/branchcache",
      secretFile: "/var/lib/branchcache/secret",
      socket: "/run/branchcache/api.sock",
    };
  }
  return {
    cacheDir: join(env["XDG_CACHE_HOME"] ?? join(home, ".cache"), "branchcache"),
    secretFile: join(env["XDG_STATE_HOME"] ?? join(home, ".local", "state"), "branchcache", "secret"),
    socket: join(env["XDG_RUNTIME_DIR"] ?? join(tmpdir(), `branchcache-${uid}`), "branchcache", "api.sock"),
  };
}

/** The sockets that a caller tries, in order: his own daemon's, then the machine's. */
export function socketsToTry(from: PathEnvironment = thisProcess()): readonly string[] {
  const own = defaultPaths(from).socket;
  if (from.platform === "win32" || from.uid === 0) return [own];
  return [own, defaultPaths({ ...from, uid: 0 }).socket];
}

function thisProcess(): PathEnvironment {
  return { platform: process.platform, uid: process.getuid?.(), env: process.env, home: homedir() };
}
