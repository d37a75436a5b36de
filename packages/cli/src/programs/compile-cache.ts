/** Code that is compiled is kept for the next start, where Node.js can do that (22.1). */
import { mkdirSync, statSync } from "node:fs";
import * as nodeModule from "node:module";
import { userInfo } from "node:os";
import { join } from "node:path";

/** To be called before anything large is loaded. Does nothing where compiled code cannot be kept. */
export function keepCompiledCode(env: NodeJS.ProcessEnv = process.env): void {
  const { enableCompileCache } = nodeModule as { enableCompileCache?: (directory: string) => unknown };
  if (!enableCompileCache || env["NODE_COMPILE_CACHE"] !== undefined) return;
  try {
    const directory = codeDirectory(env);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // Code from this directory runs with our rights: nobody else may write there.
    if (process.getuid && statSync(directory).uid !== process.getuid()) return;
    enableCompileCache(directory);
  } catch {
    // A read-only disk, or a user without a home.
  }
}

/** Of this user alone; by the system's list of users, since `sudo` may leave root with somebody else's HOME. */
function codeDirectory(env: NodeJS.ProcessEnv): string {
  const given = env["CACHE_DIRECTORY"]?.split(":")[0];
  if (given !== undefined) return join(given, "code");
  const { homedir, uid } = userInfo();
  const caches = uid === 0 ? undefined : env["XDG_CACHE_HOME"];
  return join(caches ?? join(homedir, ".cache"), "branchcache", "code");
}
