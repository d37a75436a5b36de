/** What a hosted cache holds and how its pulls end, as a test says. */
import type { Segment } from "@branchcache/content-info";
import { toHex } from "@branchcache/runtime";
import type { PullJob } from "../server/pull-book.ts";
import type { PullOutcome } from "../server/pull-rules.ts";
import type { HeldState, HostedContent } from "../server/server.ts";

export interface FakeContent extends HostedContent {
  /** By identifier in hexadecimal digits. */
  readonly states: Map<string, HeldState>;
  readonly knownSegments: Map<string, { readonly segment: Segment; readonly missing: boolean }>;
  /** In the order in which they began. */
  readonly pulls: readonly PullJob[];
  /** Ends the oldest pull under way. */
  end(outcome: PullOutcome): Promise<void>;
}

/** `outcome`: how pulls end at once; without it they wait for `end`. What is complete is held from then on. */
export function fakeContent(outcome?: (job: PullJob) => PullOutcome): FakeContent {
  const pulls: PullJob[] = [];
  const waiting: { readonly job: PullJob; readonly resolve: (outcome: PullOutcome) => void }[] = [];
  const states = new Map<string, HeldState>();
  const knownSegments = new Map<string, { readonly segment: Segment; readonly missing: boolean }>();
  const over = (job: PullJob, how: PullOutcome): PullOutcome => {
    if (how !== "complete") return how;
    states.set(job.key, { state: job.wanted.kind === "verified" ? "held" : "blind" });
    if (job.wanted.kind === "verified")
      knownSegments.set(job.key, { segment: job.wanted.segment, missing: false });
    return how;
  };
  return {
    states,
    knownSegments,
    pulls,
    known: async (id) => knownSegments.get(toHex(id)),
    held: async (segments) => segments.map(({ id }) => states.get(toHex(id)) ?? { state: "missing" }),
    pull(job, signal) {
      pulls.push(job);
      if (outcome) return Promise.resolve(over(job, outcome(job)));
      return new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        waiting.push({ job, resolve: (how) => resolve(over(job, how)) });
      });
    },
    async end(how) {
      waiting.shift()?.resolve(how);
      // The server takes note, and begins the next one.
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    },
  };
}
