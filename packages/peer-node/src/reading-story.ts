/** Puts together what the store and the peers did for one reading. */
import type { ContentInformation, Segment } from "@branchcache/content-info";
import type { FetchReport } from "@branchcache/retrieval";
import { toHex } from "@branchcache/runtime";
import type { Explanation, SegmentExplanation } from "./branch-cache.ts";

export class ReadingStory {
  readonly #content: ContentInformation;
  readonly #localBytes = new Map<Segment, number>();
  #report: FetchReport | undefined;

  constructor(content: ContentInformation) {
    this.#content = content;
  }

  local(segment: Segment, lengthBytes: number): void {
    this.#localBytes.set(segment, (this.#localBytes.get(segment) ?? 0) + lengthBytes);
  }

  fetched(report: FetchReport): void {
    this.#report = report;
  }

  explain(): Explanation {
    // The same segment may stand in the content several times; what was fetched is told at its first place.
    const fetches = new Map(this.#report?.segments.map(({ segmentId, ...fetch }) => [segmentId, fetch]));
    const segments: SegmentExplanation[] = [];
    for (const segment of this.#content.segments) {
      const segmentId = toHex(segment.id);
      const localBytes = this.#localBytes.get(segment) ?? 0;
      const fetch = fetches.get(segmentId);
      fetches.delete(segmentId);
      if (localBytes === 0 && !fetch) continue;
      const { offsetBytes, lengthBytes } = segment;
      segments.push({ segmentId, offsetBytes, lengthBytes, localBytes, fetch });
    }
    return { peers: this.#report?.peers ?? [], questions: this.#report?.questions ?? [], segments };
  }
}
