/** Files that readers always find whole: written beside their place, and moved there when everything is on the disk. */
import { link, open, rename, rm } from "node:fs/promises";
import { toHex } from "@branchcache/runtime";
import { systemRandom } from "@branchcache/runtime/node";

export interface WholeFileOptions {
  /** Permissions, whatever the umask. Default 0o600: for the owner only. */
  readonly mode?: number;
  /** Who owns the file if root writes it. Default: root. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /** Fails with `EEXIST` where there is a file already, rather than replacing it. */
  readonly isNew?: boolean;
}

/** Its directory must be there. Rejects with what the system says, and leaves nothing behind then. */
export async function writeWhole(
  path: string,
  content: Uint8Array | string,
  { mode = 0o600, owner, isNew = false }: WholeFileOptions = {},
): Promise<void> {
  const draft = `${path}.${toHex(systemRandom.bytes(6))}.new`;
  const file = await open(draft, "wx", 0o600);
  try {
    try {
      await file.writeFile(content);
      await file.chmod(mode);
      if (owner && process.getuid?.() === 0) await file.chown(owner.uid, owner.gid);
      await file.sync();
    } finally {
      await file.close();
    }
    // A link, other than a rename, never takes the place of another file.
    await (isNew ? link(draft, path) : rename(draft, path));
  } finally {
    await rm(draft, { force: true });
  }
}
