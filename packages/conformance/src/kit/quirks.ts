/**
 * What known implementations are known to do otherwise, so that whoever tests one of them sees that the kit saw
 * nothing new. A quirk is told beside the failure; it does not turn it into a pass.
 */
export interface Quirk {
  readonly name: string;
  /** Whose it is. */
  readonly of: string;
  readonly text: string;
}

const QUIRKS: Readonly<Record<string, Quirk>> = {
  "retrieval-server/long-segment-ids": {
    name: "windows-sha256-only",
    of: "Windows",
    text: "Windows takes only segment identifiers of 32 bytes in this protocol.",
  },
  "retrieval-server/leading-key-bytes": {
    name: "suite-whole-secret",
    of: "Microsoft's test suite",
    text: "Its server takes all 32 bytes of the secret for a key, whatever cipher it names.",
  },
};

/** By profile and check. */
export function findQuirk(profile: string, check: string): Quirk | undefined {
  return QUIRKS[`${profile}/${check}`];
}
