/** Takes a package into a store. Run again after an interruption: what is held already costs reading only. */
import { createReadStream } from "node:fs";
import { blockCount } from "@branchcache/content-info";
import { errorCode, toHex } from "@branchcache/runtime";
import type { BlockStore, NewSegment, PublicationStore, SecretStore, Trust } from "../../block-store.ts";
import { StoreError } from "../../errors.ts";
import type { BlockCheck } from "../../verify.ts";
import { fileError } from "./export.ts";
import { readRecords } from "./reader.ts";
import {
  type BlockEntry,
  damaged,
  decodeBlockEntry,
  decodePublicationRecord,
  decodeSegment,
  type SegmentEntry,
} from "./records.ts";

/** Which package goes into which stores, and how far it is trusted. */
export interface ImportOptions {
  /** Path of the package. */
  readonly file: string;
  /** Where the segments go. */
  readonly blocks: BlockStore;
  /** Where hashes of published contents go. Default: nowhere. */
  readonly publications?: PublicationStore;
  /** Secrets that the package brings are kept here. */
  readonly secrets?: SecretStore;
  /** What it says is false is not taken. Asked after the segment's secret has been kept. */
  readonly check?: BlockCheck;
  /** Blocks that cannot be checked: `blind` unless the file is as good as its origin. Default `blind`. */
  readonly unchecked?: Trust;
  /** Added to all segments. */
  readonly tags?: readonly string[];
  /** Preloaded content stays until it is unpinned. Default false. */
  readonly pin?: boolean;
  /** Ends the import, which rejects with its reason; what was taken stays. */
  readonly signal?: AbortSignal;
  /** Called before the blocks of each segment, and awaited. */
  readonly onProgress?: (soFar: ImportReport) => void | Promise<void>;
}

/** What was in the package, and what became of it. `stored`, `alreadyHeld`, `checked` and `refused` count blocks. */
export interface ImportReport {
  /** Segments in the package. */
  readonly segments: number;
  /** Stored now. */
  readonly stored: number;
  /** In the store before. */
  readonly alreadyHeld: number;
  /** Of those in the file: their hash was checked. */
  readonly checked: number;
  /** Failed their check, or contradict what the store knows. */
  readonly refused: number;
  /** Hashes of published contents that were kept. */
  readonly publications: number;
  /** Read of the file. */
  readonly bytes: number;
}

/**
 * Errors: `BC_PACKAGE_DAMAGED` (what came before the damage has been taken), `BC_STORE_FULL` when no more goes in,
 * `BC_STORE_IO`; the signal's reason.
 */
export async function importPackage(options: ImportOptions): Promise<ImportReport> {
  const { file, blocks, publications, secrets, tags = [], pin = false, signal } = options;
  const report = {
    segments: 0,
    stored: 0,
    alreadyHeld: 0,
    checked: 0,
    refused: 0,
    publications: 0,
    bytes: 0,
  };
  let segment: SegmentEntry | undefined;
  const pinned = new Set<string>();
  try {
    for await (const { type, payload, endBytes } of readRecords(createReadStream(file), "package")) {
      signal?.throwIfAborted();
      report.bytes = endBytes;
      if (type === "segment") {
        segment = decodeSegment(payload);
        report.segments++;
        if (segment.secret) await secrets?.put(segment.id, segment.secret);
        await options.onProgress?.(report);
      } else if (type === "block") {
        if (!segment) throw damaged("a block without a segment");
        const result = await take(options, { ...segment, tags: [...segment.tags, ...tags] }, payload, report);
        if (result === "full") throw new StoreError("BC_STORE_FULL", "no room for all of the package");
        const name = toHex(segment.id);
        if (pin && result !== "refused" && !pinned.has(name)) {
          pinned.add(name);
          if ((await blocks.segment(segment.id))?.pins === 0) await blocks.pin(segment.id);
        }
      } else if (type === "publication" && publications) {
        const { key, entry } = decodePublicationRecord(payload);
        await publications.put(key, entry);
        report.publications++;
      }
    }
    await blocks.flush();
    return report;
  } catch (error) {
    throw fileError(file, error);
  }
}

async function take(
  { blocks, check = () => undefined, unchecked = "blind" }: ImportOptions,
  segment: SegmentEntry,
  payload: Uint8Array,
  report: { stored: number; alreadyHeld: number; checked: number; refused: number },
): Promise<"stored" | "already-held" | "full" | "refused"> {
  const { index, trust: claimed, ...block }: BlockEntry = decodeBlockEntry(payload);
  if (index >= blockCount(segment)) throw damaged("a block that no segment has");
  const { secret: _secret, trust: _trust, ...facts } = segment;
  const verdict = await check({ ...facts, trust: claimed, createdMs: 0, pins: 0 }, index, {
    ...block,
    trust: claimed,
    nextBlockIndex: 0,
  });
  if (verdict !== undefined) report.checked++;
  if (verdict === false) {
    report.refused++;
    return "refused";
  }
  // A blind block stays blind, whatever its package is trusted with.
  const trust = verdict === true ? "verified" : claimed === "verified" ? unchecked : "blind";
  const own: NewSegment = { ...facts, trust };
  try {
    const result = await blocks.putBlock(own, index, block);
    if (result === "stored") report.stored++;
    if (result === "already-held") report.alreadyHeld++;
    return result;
  } catch (error) {
    if (errorCode(error) === "BC_STORE_INVALID") throw damaged("a block that no segment has", error);
    if (errorCode(error) !== "BC_STORE_MISMATCH") throw error;
    report.refused++;
    return "refused";
  }
}
