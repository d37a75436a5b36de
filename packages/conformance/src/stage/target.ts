/** What the checks of a client have to work with. */
import { BranchCacheError } from "@branchcache/runtime";
import type { Check } from "../kit/check.ts";
import type { ContentBlock, ContentVersion } from "./content.ts";
import { isMissingDataRequest, offersPeerdist, readRange } from "./origin.ts";
import type { Played, Stage } from "./stage.ts";

/** What the checks of a client are given: the stage that scenes are played on. */
export interface ClientTarget {
  readonly stage: Stage;
  /** The scene in which everybody is honest: played once for each version, however many checks look at it. */
  honest(version: ContentVersion): Promise<Played>;
}

export type ClientCheck = Check<ClientTarget>;

/** The target of `runProfile` for a client profile. */
export function clientTarget(stage: Stage): ClientTarget {
  return { stage, honest: (version) => honestScenes[version](stage) };
}

/** A scene that is played once on each stage, however many checks look at it. */
export function playedOnce<T>(play: (stage: Stage) => Promise<T>): (stage: Stage) => Promise<T> {
  const known = new WeakMap<Stage, Promise<T>>();
  return (stage) => {
    const played = known.get(stage) ?? play(stage);
    known.set(stage, played);
    return played;
  };
}

const honestScenes = {
  1: playedOnce((stage) => stage.play({ version: 1 })),
  2: playedOnce((stage) => stage.play({ version: 2 })),
} as const;

/** Why the download did not give the content; undefined if it did. */
export function wrongContent({ result, right, content }: Played): string | undefined {
  if (right) return undefined;
  if (!result.ok) return `the download failed: ${result.reason}`;
  const { bytes } = result;
  if (bytes.length !== content.bytes.length) return `${bytes.length} bytes of ${content.bytes.length}`;
  return `wrong bytes from offset ${bytes.findIndex((byte, at) => byte !== content.bytes[at])} on`;
}

/** Whether the client turned to the peers, or to the link, without which there is nothing to test. */
const CAME: Readonly<Record<"peers" | "link", (played: Played) => boolean>> = {
  peers: ({ peers }) => peers.some(({ requests }) => requests.length > 0),
  link: ({ probes }) => probes.length > 0,
};

/** Throws unless the client downloads new content and, with `asks`, turned to peers or to the link for it. */
export async function playControl(stage: Stage, asks?: keyof typeof CAME): Promise<void> {
  const played = await stage.play();
  const wrong = wrongContent(played);
  if (wrong !== undefined) throw new BranchCacheError("BC_CONFORMANCE_CONTROL", wrong);
  if (asks && !CAME[asks](played)) {
    throw new BranchCacheError("BC_CONFORMANCE_CONTROL", `nobody was asked: ${whatCame(played)}`);
  }
}

/** What origin, link and peers saw of the client, to find out why nothing more came. */
export function whatCame({ originRequests, probes, peers }: Played): string {
  const asked = peers.reduce((sum, peer) => sum + peer.requests.length, 0);
  return `the origin saw ${originRequests.length} requests, the link ${probes.length} probes, the peers ${asked} requests`;
}

/** Whether the origin was asked for all bytes of the block. */
export function fromOrigin({ originRequests }: Played, block: ContentBlock): boolean {
  return originRequests.some((request) => {
    if (offersPeerdist(request) && !isMissingDataRequest(request)) return false;
    const range = readRange(request);
    if (!range) return request.method === "GET";
    return range.startBytes <= block.offsetBytes && range.endBytes >= block.offsetBytes + block.lengthBytes;
  });
}
