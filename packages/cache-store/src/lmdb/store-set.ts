/** What `openLmdbStore` gives: the blocks of all parts, publications and secrets, and their upkeep. */
import { resolve } from "node:path";
import type { Observer } from "@branchcache/runtime";
import type { Stores } from "../block-store.ts";
import { StoreError } from "../errors.ts";
import { SpannedBlockStore } from "../store/spanned-store.ts";
import type { LmdbBlockStore } from "./block-store.ts";
import type { Environment } from "./environment.ts";
import type { StoredSettings } from "./formats.ts";
import type { LimitSettings } from "./limit-settings.ts";
import { LmdbPublicationStore } from "./publications.ts";
import { compactStore, moveStore, removeStore } from "./relocation.ts";
import type { LmdbSecretStore } from "./secrets.ts";
import type { SpaceReserve } from "./space-reserve.ts";
import { type BlockTables, readSettings } from "./tables.ts";

/** One directory of blocks. */
export interface LmdbPart {
  readonly environment: Environment;
  readonly tables: BlockTables;
  readonly limits: LimitSettings;
  readonly reserve: SpaceReserve;
  readonly blocks: LmdbBlockStore;
  close(): Promise<void>;
}

/** Limit of one extension, in bytes or in percent of its volume; of both, the bytes count. */
export type ExtensionLimit = Pick<StoredSettings, "limitBytes" | "limitPercent">;

/**
 * The store on disk: blocks, secrets and publications, with limits and places that can be changed while it is
 * open.
 */
export interface LmdbStores extends Stores {
  /**
   * Keeps limits with the store: they hold at once, for every process, and at the next opening. A limit in
   * bytes replaces one in percent, and the other way round. Extensions have limits of their own.
   */
  set(settings: Omit<StoredSettings, "extensions">): Promise<void>;
  /**
   * One directory more for blocks, perhaps on another volume; remembered, and opened with the store from now on.
   * Default limit: 5 % of its volume. Errors: as `openLmdbStore`. Other processes see it when they open again.
   */
  addExtension(path: string, limit?: ExtensionLimit): Promise<void>;
  /** As `addExtension`; one that is there already gets the limit, and keeps its own where none is given. */
  ensureExtension(path: string, limit?: ExtensionLimit): Promise<void>;
  /** Forgets a directory, and deletes the blocks in it. False if there was none. Throws `BC_STORE_BUSY`. */
  removeExtension(path: string): Promise<boolean>;
  /** Absolute paths of the extensions that are open. */
  extensions(): readonly string[];
  /**
   * Gives back to the disk what is not held: moves blocks together, a file at a time, and copies the index. All goes on
   * meanwhile, but while the index is copied blocks are not stored (`"full"`) and other writes wait. Gives the sizes.
   *
   * Throws `BC_STORE_BUSY` while another process has the store open, and `BC_STORE_IO`; then all is as it was.
   */
  compact(): Promise<{ readonly beforeBytes: number; readonly afterBytes: number }>;
  /**
   * To a directory that has no store; made where there is none. On the same volume block files are linked, else copied,
   * which needs as much room there as they take; reads go on, and blocks are not stored. Secrets that lie inside the
   * store go along, extensions stay. Nobody else is told of the new place. Errors: as `compact`, `BC_STORE_PATH`.
   */
  moveTo(path: string): Promise<void>;
}

export interface LmdbStoreSetOptions {
  readonly first: LmdbPart;
  readonly secrets: LmdbSecretStore;
  readonly secretsEnvironment: Environment;
  readonly openOne: (path: string, settings: StoredSettings) => Promise<LmdbPart>;
  readonly maxAgeMs: number | undefined;
  readonly observer: Observer;
}

export class LmdbStoreSet {
  readonly #options: LmdbStoreSetOptions;
  readonly #spanned: SpannedBlockStore;
  readonly #publications: LmdbPublicationStore;
  readonly #extensions = new Map<string, LmdbPart>();
  #closing: Promise<void> | undefined;

  constructor(options: LmdbStoreSetOptions) {
    const { first } = options;
    this.#options = options;
    this.#spanned = new SpannedBlockStore([first.blocks]);
    this.#publications = new LmdbPublicationStore(first.environment, () =>
      first.limits.publicationBytes(first.tables),
    );
  }

  /** Opens the extensions; one that cannot be opened is reported and left out. */
  async open(): Promise<LmdbStores> {
    for (const path of readSettings(this.#options.first.tables).extensions ?? []) {
      // Its opening has told why not.
      await this.#attach(path).catch(() => {});
    }
    const close = (): Promise<void> => {
      this.#closing ??= this.#close();
      return this.#closing;
    };
    return {
      blocks: this.#spanned,
      secrets: this.#options.secrets,
      publications: this.#publications,
      set: (settings) => this.#set(settings),
      addExtension: (path, limit) => this.#addExtension(path, limit),
      ensureExtension: (path, limit) => this.#ensureExtension(path, limit),
      removeExtension: (path) => this.#removeExtension(path),
      extensions: () => this.#paths(),
      compact: () => this.#compact(),
      moveTo: (target) => this.#moveTo(target),
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  async #set(settings: Omit<StoredSettings, "extensions">): Promise<void> {
    const { first } = this.#options;
    await first.limits.change(first.tables, settings);
    if (settings.maxAgeMs !== undefined) {
      for (const part of this.#extensions.values())
        await part.limits.change(part.tables, { maxAgeMs: settings.maxAgeMs });
    }
    for (const { blocks } of this.#parts()) await blocks.setLimits({});
  }

  async #addExtension(path: string, limit: ExtensionLimit = {}): Promise<void> {
    const place = resolve(path);
    const { first } = this.#options;
    if (this.#extensions.has(place) || place === resolve(first.environment.path)) {
      throw new StoreError("BC_STORE_INVALID", "is a part of this store already", { path: place });
    }
    const part = await this.#attach(place);
    try {
      const { maxAgeMs = 0 } = await first.blocks.limits();
      await part.limits.change(part.tables, { ...limit, maxAgeMs });
      await part.blocks.setLimits({});
      await this.#remember();
    } catch (error) {
      this.#detach(place, part);
      await part.close();
      throw error;
    }
  }

  async #ensureExtension(path: string, limit: ExtensionLimit = {}): Promise<void> {
    const part = this.#extensions.get(resolve(path));
    if (!part) return this.#addExtension(path, limit);
    await part.limits.change(part.tables, limit);
    await part.blocks.setLimits({});
  }

  async #removeExtension(path: string): Promise<boolean> {
    const part = this.#extensions.get(resolve(path));
    if (!part) return false;
    await removeStore(part.environment, async () => {
      this.#detach(resolve(path), part);
      await this.#remember();
      await part.blocks.removeAll({ pinned: true });
      await part.close();
    });
    return true;
  }

  #paths(): readonly string[] {
    return [...this.#extensions.keys()];
  }

  async #compact(): Promise<{ readonly beforeBytes: number; readonly afterBytes: number }> {
    await this.#spanned.flush();
    let [beforeBytes, afterBytes] = [0, 0];
    for (const { environment, blocks } of this.#parts()) {
      const sizes = await compactStore(environment, blocks, this.#options.observer);
      beforeBytes += sizes.beforeBytes;
      afterBytes += sizes.afterBytes;
    }
    return { beforeBytes, afterBytes };
  }

  async #moveTo(target: string): Promise<void> {
    const { first, secretsEnvironment } = this.#options;
    await this.#spanned.flush();
    await moveStore({
      main: first.environment,
      blocks: first.blocks,
      secrets: secretsEnvironment,
      reserve: first.reserve,
      target,
    });
  }

  async #close(): Promise<void> {
    const { secrets, secretsEnvironment } = this.#options;
    this.#publications.shut();
    await this.#spanned.close();
    await secrets.close();
    await Promise.all(this.#parts().map((part) => part.close()));
    await secretsEnvironment.close();
  }

  #parts(): readonly LmdbPart[] {
    return [this.#options.first, ...this.#extensions.values()];
  }

  async #attach(path: string): Promise<LmdbPart> {
    const { openOne, maxAgeMs } = this.#options;
    const part = await openOne(path, maxAgeMs === undefined ? {} : { maxAgeMs });
    this.#extensions.set(path, part);
    this.#spanned.add(part.blocks);
    return part;
  }

  #detach(path: string, part: LmdbPart): void {
    this.#spanned.take(part.blocks);
    this.#extensions.delete(path);
  }

  async #remember(): Promise<void> {
    const { limits, tables } = this.#options.first;
    await limits.change(tables, { extensions: this.#paths() });
  }
}
