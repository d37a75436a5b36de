/** The service: publications and retrievals of all callers, over the blocks of one node. */
import type { ContentInformationVersion } from "@branchcache/content-info";
import { BranchCacheError, silentObserver } from "@branchcache/runtime";
import { PEERDIST_STATUS } from "../win32/constants.ts";
import type { ConnectionEvents, ServiceSession, StatusReport } from "./calls.ts";
import { Identity } from "./identity.ts";
import { DEFAULT_QUOTA, Quota, type QuotaLimits } from "./quota.ts";
import type { PeerDistServiceOptions, ServiceParts } from "./service-options.ts";
import { Session } from "./session.ts";

/** What callers hold at this moment; `bytes` are those of `QuotaLimits`. */
export interface ServiceCounts {
  /** Connections. */
  readonly sessions: number;
  /** Publisher identities with at least one connection. */
  readonly identities: number;
  /** Handles open. */
  readonly handles: number;
  /** Operations accepted and not completed. */
  readonly operations: number;
  /** Publications, finished or being fed. */
  readonly publications: number;
  /** Content Information, hashes of publications, and data that waits for verification. */
  readonly bytes: number;
}

/**
 * Serves the API to any number of callers: keeps publications for each identity, verifies what is added, and reads
 * from the local cache and the branch.
 */
export class PeerDistService {
  readonly #parts: ServiceParts;
  readonly #limits: QuotaLimits;
  readonly #sessions = new Set<Session>();
  readonly #identities = new Map<string, Identity>();
  readonly #quotas = new Map<string, Quota>();
  #status: PEERDIST_STATUS;
  #clientVersion: ContentInformationVersion | undefined;

  constructor(options: PeerDistServiceOptions) {
    this.#status = options.status ?? PEERDIST_STATUS.AVAILABLE;
    this.#limits = { ...DEFAULT_QUOTA, ...options.quota };
    this.#parts = {
      versions: { min: 1, max: 2 },
      plainVersion: 1,
      heldBytesMax: 8 * 1024 * 1024,
      rejectBadData: false,
      observer: silentObserver,
      ...options,
      status: () => this.#status,
      forgetTag: (tag) => {
        for (const { contents } of this.#identities.values()) {
          for (const content of contents) if (content.tag === tag) content.dropHeld();
        }
      },
    };
  }

  /** The status that callers are told. */
  get status(): PEERDIST_STATUS {
    return this.#status;
  }

  /** What is held just now, by all together. */
  get counts(): ServiceCounts {
    const used = [...this.#quotas.values()].map((quota) => quota.used);
    const sum = (what: keyof QuotaLimits) => used.reduce((total, one) => total + one[what], 0);
    return {
      sessions: this.#sessions.size,
      identities: this.#identities.size,
      handles: sum("handles"),
      operations: sum("operations"),
      publications: sum("publications"),
      bytes: sum("bytes"),
    };
  }

  /** A status other than AVAILABLE invalidates all handles; finished publications stay. */
  setStatus(status: PEERDIST_STATUS): void {
    if (status === this.#status) return;
    this.#status = status;
    for (const session of this.#sessions) {
      if (status !== PEERDIST_STATUS.AVAILABLE) session.invalidate();
      session.report(this.#report());
    }
  }

  /**
   * The highest version that clients are told to ask content servers for (`dwMaxVer`, API-85); by itself that of
   * `versions`. What is made and taken stays the same.
   */
  setClientVersion(version: ContentInformationVersion): void {
    if (version === this.#clientVersion) return;
    this.#clientVersion = version;
    for (const session of this.#sessions) session.report(this.#report());
  }

  /**
   * `identity`: who publishes, as an opaque name such as `uid:1000`. `quotaName`: whose quota it counts on, where
   * several identities share one; default their own. Throws `BC_API_LIMIT` where it has all its sessions.
   */
  open(identity: string, events: ConnectionEvents, quotaName: string = identity): ServiceSession {
    const quota = this.#quotas.get(quotaName) ?? new Quota(this.#limits);
    if (!quota.take("sessions")) {
      const text = `${quotaName} has ${this.#limits.sessions} connections already`;
      throw new BranchCacheError("BC_API_LIMIT", text);
    }
    this.#quotas.set(quotaName, quota);
    const state = this.#identities.get(identity) ?? new Identity(quota);
    this.#identities.set(identity, state);
    state.sessions++;
    const session: Session = new Session(this.#parts, state, events, () => {
      this.#sessions.delete(session);
      this.#leave(identity, state);
    });
    this.#sessions.add(session);
    session.report(this.#report());
    return session;
  }

  /** Ends all sessions, and tells their callers that the service is gone. */
  close(): void {
    for (const session of [...this.#sessions]) session.lose();
  }

  /** As `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** One session of this identity has ended. */
  #leave(identity: string, state: Identity): void {
    state.quota.give("sessions");
    if (--state.sessions === 0) this.#identities.delete(identity);
    for (const [name, { used }] of this.#quotas) if (used.sessions === 0) this.#quotas.delete(name);
  }

  #report(): StatusReport {
    const { min, max } = this.#parts.versions;
    const maxVersion = Math.max(min, Math.min(max, this.#clientVersion ?? max));
    return { status: this.#status, minVersion: min, maxVersion };
  }
}
