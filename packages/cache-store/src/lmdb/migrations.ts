/**
 * Brings older formats up to date. Formats 1 and 2 had blocks inside LMDB: those go, with the records of their segments,
 * since moving them would need twice the cache's room. Limits, extensions and hashes of published content stay. LMDB's file
 * is used again and gets no smaller: compacting does that, where it is certain that nobody else has opened it meanwhile.
 */
import type { Migration } from "./environment.ts";
import { accountOfPublication, PublicationTables } from "./publications.ts";
import { BlockTables, readSettings, writeSettings } from "./tables.ts";

const OLD_BLOCKS = "blocks";

export const blockMigration: Migration = {
  oldTables: [OLD_BLOCKS],
  run(environment, format) {
    const tables = new BlockTables(environment);
    const publications = new PublicationTables(environment);
    const settings = readSettings(tables);
    const published = publications.totals();
    for (const name of ["states", "facts", "queue", "ages", "tags", "totals"])
      environment.table(name).clearSync();
    environment.table(OLD_BLOCKS).dropSync();
    writeSettings(tables, settings);
    if (format === 1) {
      for (const { key, value } of publications.entries.getRange())
        accountOfPublication(publications, published, new Uint8Array(key), value.length);
    }
    publications.setTotals(published);
  },
};
