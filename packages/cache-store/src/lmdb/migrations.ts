/** Brings older formats up to date. Format 1 had no index of ages and tags, and no account of publications. */

import { decodeFacts } from "../node/encodings.ts";
import type { Environment } from "./environment.ts";
import { ageKey, decodeState, tagKey } from "./formats.ts";
import { accountOfPublication, PublicationTables } from "./publications.ts";
import { BlockTables } from "./tables.ts";

/** For one write transaction; reads every record once, and no block. */
export function migrateBlocks(environment: Environment): void {
  const tables = new BlockTables(environment);
  for (const { key, value } of tables.states.getRange()) {
    const state = decodeState(value.subarray(0, value.length));
    if (state?.pins === 0) tables.ages.put(ageKey(state.createdMs, key), Uint8Array.of(1));
  }
  for (const { key, value } of tables.facts.getRange()) {
    const { tags } = decodeFacts(value.subarray(0, value.length));
    for (const tag of tags) tables.tags.put(tagKey(tag, key), Uint8Array.of(1));
  }
  const publications = new PublicationTables(environment);
  const totals = publications.totals();
  for (const { key, value } of publications.entries.getRange()) {
    accountOfPublication(publications, totals, new Uint8Array(key), value.length);
  }
  publications.setTotals(totals);
}
