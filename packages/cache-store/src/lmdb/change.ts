/** A change that waits for its transaction, and what is told once that is committed. */
import type { Limits } from "../block-store.ts";
import type { Ledger } from "../store/ledger.ts";
import type { Totals } from "../store/segment-state.ts";
import type { Staged } from "./blocks/appender.ts";
import type { FileTotals, GoneFile } from "./blocks/file-table.ts";
import type { Place } from "./blocks/place.ts";
import type { TransactionTables } from "./tables.ts";

export type Committed = Pick<Ledger<Place>, "evictions" | "changes"> & {
  readonly totals: Totals;
  readonly limits: Limits;
  readonly files: FileTotals;
  /** Block files of which nothing is left, to be deleted. */
  readonly goneFiles: readonly GoneFile[];
};

export interface Change<T> {
  readonly bytes: number;
  /** A block that must be on the disk before; released when the change is settled. */
  readonly staged?: Staged | undefined;
  /** Runs inside a write transaction, again if that fails for want of space. Must not throw after a change. */
  run(ledger: Ledger<Place>, view: TransactionTables): T;
  /** Committed, or not. Must not throw. */
  settle(outcome: Outcome<T>): void;
}

export type Outcome<T = unknown> = { readonly value: T } | { readonly error: unknown };
