/** What a service is made of. */
import type { ContentInformationVersion, HashEngine, ServerSecret } from "@branchcache/content-info";
import type { Clock, Observer } from "@branchcache/runtime";
import type { PEERDIST_STATUS } from "../win32/constants.ts";
import type { BlockAccess } from "./ports.ts";
import type { QuotaLimits } from "./quota.ts";

/** What the service works on, and its limits. */
export interface PeerDistServiceOptions {
  /** The local cache and the branch: `blocks` of a `PeerNode`. */
  readonly blocks: BlockAccess;
  /** Hashes what is published, and verifies what is added. */
  readonly engine: HashEngine;
  /** The secrets of published segments are derived from it. */
  readonly secret: ServerSecret;
  /** Times reads that ask peers. */
  readonly clock: Clock;
  /** Receives metrics. Default: nobody. */
  readonly observer?: Observer;
  /** Versions of Content Information that are made and taken. Default 1 to 2; 1 to 1 forces version 1. */
  readonly versions?: { readonly min: ContentInformationVersion; readonly max: ContentInformationVersion };
  /** The version that a caller gets who names none. Default 1. */
  readonly plainVersion?: ContentInformationVersion;
  /** Limits for each identity; those left out have the defaults of `QuotaLimits`. */
  readonly quota?: Partial<QuotaLimits>;
  /** The most data of one handle that is held in memory because it cannot be verified yet. Default 8 MiB. */
  readonly heldBytesMax?: number;
  /** `AddData` of false bytes completes with ERROR_INVALID_DATA. Default false: success, and nothing is kept. */
  readonly rejectBadData?: boolean;
  /** The status to begin with. Default AVAILABLE. */
  readonly status?: PEERDIST_STATUS;
}

/** What all sessions of a service share: its options, and what only the service knows. */
export interface ServiceParts extends Required<Omit<PeerDistServiceOptions, "quota" | "status">> {
  status(): PEERDIST_STATUS;
  /** Drops what is held in memory under this tag. */
  forgetTag(tag: string): void;
}
