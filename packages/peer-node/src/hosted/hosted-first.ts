/** Hosted caches first, then the neighbours on the link, where that is wanted. */
import type { Segment } from "@branchcache/content-info";
import type { PeerFinder } from "@branchcache/retrieval";
import { toHex } from "@branchcache/runtime";

/** `neighbours` is asked about the segments that no hosted cache says to hold; undefined: never. */
export function hostedFirst(hosted: PeerFinder, neighbours: () => PeerFinder | undefined): PeerFinder {
  return {
    async *find(segments: readonly Segment[], signal: AbortSignal) {
      const found = new Set<string>();
      for await (const answer of hosted.find(segments, signal)) {
        for (const { id } of answer.segments) found.add(toHex(id));
        yield answer;
      }
      const others = neighbours();
      const rest = segments.filter(({ id }) => !found.has(toHex(id)));
      if (others && rest.length > 0) yield* others.find(rest, signal);
    },
  };
}
