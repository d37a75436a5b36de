/** Where things lie unless told otherwise: the system's places for root and the service's user, the user's own for others. */
import { homedir, tmpdir, userInfo } from "node:os";
import { join } from "node:path";

export interface DefaultPaths {
  /** Blocks, segment records and publications. */
  readonly cacheDir: string;
  /** Content server's secret. */
  readonly secretFile: string;
  /** The daemon's socket for local callers. */
  readonly socket: string;
  /** Settings; drop-ins lie in `branchcache.d` beside it. */
  readonly configFile: string;
}

export interface PathEnvironment {
  readonly platform: NodeJS.Platform;
  readonly uid: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Of the account, by the system's list of users, whatever HOME says. */
  readonly accountHome?: string | undefined;
}

/** Home of the user that the package makes, and where the service keeps its state. */
const SERVICE_HOME = "/var/lib/branchcache";

export function defaultPaths(from: PathEnvironment = thisProcess()): DefaultPaths {
  const { platform, uid, env, home, accountHome } = from;
  if (platform === "win32") {
    const base = join(env["LOCALAPPDATA"] ?? join(home, "AppData", "Local"), "branchcache");
    return {
      cacheDir: join(base, "cache", "data"),
      secretFile: join(base, "secret"),
      socket: String.raw`\\.\pipe\branchcache-api`,
      configFile: join(base, "branchcache.json"),
    };
  }
  // systemd names the directories that it made for the service; the first one is used.
  const given = (name: string) => env[name]?.split(":")[0];
  // The service's user keeps to the service's places when somebody runs a command as that user, too.
  const isSystem = uid === 0 || given("RUNTIME_DIRECTORY") !== undefined || accountHome === SERVICE_HOME;
  const user = (variable: string, ...fallback: readonly string[]) =>
    join(env[variable] ?? join(...fallback), "branchcache");
  const cache =
    given("CACHE_DIRECTORY") ??
    (isSystem ? "/var/cache/branchcache" : user("XDG_CACHE_HOME", home, ".cache"));
  const state =
    given("STATE_DIRECTORY") ?? (isSystem ? SERVICE_HOME : user("XDG_STATE_HOME", home, ".local", "state"));
  const runtime =
    given("RUNTIME_DIRECTORY") ??
    (isSystem ? "/run/branchcache" : user("XDG_RUNTIME_DIR", tmpdir(), `branchcache-${uid}`));
  const configuration =
    given("CONFIGURATION_DIRECTORY") ??
    (isSystem ? "/etc/branchcache" : user("XDG_CONFIG_HOME", home, ".config"));
  return {
    cacheDir: join(cache, "data"),
    secretFile: join(state, "secret"),
    socket: join(runtime, "api.sock"),
    configFile: join(configuration, "branchcache.json"),
  };
}

/** The socket for administration of the daemon whose socket for callers is this one: beside it. */
export function controlSocketBeside(apiSocket: string): string {
  if (/api(?:\.sock)?$/.test(apiSocket)) return apiSocket.replace(/api(\.sock)?$/, "control$1");
  return apiSocket.endsWith(".sock") ? apiSocket.replace(/\.sock$/, ".control.sock") : `${apiSocket}.control`;
}

/** The sockets that a caller tries, in order: his own daemon's, then the machine's. */
export function socketsToTry(from: PathEnvironment = thisProcess()): readonly string[] {
  const own = defaultPaths(from).socket;
  const machines = defaultPaths({ ...from, uid: 0 }).socket;
  return own === machines ? [own] : [own, machines];
}

function thisProcess(): PathEnvironment {
  return {
    platform: process.platform,
    uid: process.getuid?.(),
    env: process.env,
    home: homedir(),
    accountHome: accountHome(),
  };
}

function accountHome(): string | undefined {
  try {
    return userInfo().homedir;
  } catch {
    // A user id without an account, as in containers.
    return undefined;
  }
}
