/** Root may look after a store that another user's service has: what it makes there is that user's too. */
import { chown, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Gives files and directories to whoever owns what they lie in, or `like`. Of no effect for others than root, and where
 * the file system does not let him.
 */
export async function leaveToOwner(paths: readonly string[], like?: string): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  for (const path of paths) {
    try {
      const { uid, gid } = await stat(like ?? dirname(path));
      await chown(path, uid, gid);
    } catch {
      // It stays whoever's it is; if he cannot read it, his opening says so.
    }
  }
}
