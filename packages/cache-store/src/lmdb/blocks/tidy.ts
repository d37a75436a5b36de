/** What is done about block files when a store is opened. Lists the directory, and reads none of them. */
import type { Environment } from "../environment.ts";
import { markersIn } from "../open-markers.ts";
import { deleteBlockFile, listBlockFiles, prepareBlocks, trimBlockFile } from "./directory.ts";
import { FileChanges, FileTable } from "./file-table.ts";

/**
 * Makes the directory, takes files over from processes that ended without closing, and deletes those that the index does not
 * name: of a commit that never came, or of an index that is gone. Throws `BC_STORE_PATH` and what LMDB throws.
 */
export async function tidyBlocks(environment: Environment): Promise<void> {
  const { path } = environment;
  await prepareBlocks(path);
  // In this order: whoever makes a file has his marker there first, then names it, then makes it.
  const there = await listBlockFiles(path);
  const table = new FileTable(environment);
  environment.root.resetReadTxn();
  const known = new Map(table.all());
  const markers = await markersIn(path);
  for (const number of there) if (!known.has(number)) await deleteBlockFile(path, number);
  const orphaned = [...known].filter(([, { owner }]) => owner !== "" && !markers.has(owner));
  if (orphaned.length === 0) return;
  const gone = await environment.write(() => {
    const changes = new FileChanges(table);
    for (const [number, { owner }] of orphaned) {
      const entry = changes.entry(number);
      // Another process may have done so a moment ago, and gone on with the file.
      if (entry?.owner !== owner) continue;
      // Here, where nobody else can take it.
      trimBlockFile(path, number, entry.endBytes);
      changes.release(number);
    }
    return changes.writeBack();
  });
  for (const { number } of gone) await deleteBlockFile(path, number);
}
