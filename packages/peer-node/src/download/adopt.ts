/** Hands a node the blocks of a content that is here already. */
import type { ContentReader } from "../branch-cache.ts";
import { ADDS_AHEAD } from "./origin-blocks.ts";
import type { DownloadReport } from "./report.ts";
import type { DownloadSink } from "./sink.ts";

/** The first `lengthBytes` of what is in the sink, some blocks at a time. Gives how much of it the node has kept. */
export async function adoptAll(
  reader: ContentReader,
  lengthBytes: number,
  readBack: NonNullable<DownloadSink["readBack"]>,
): Promise<DownloadReport["cached"]> {
  let kept = 0;
  let blocks = 0;
  for (let offsetBytes = 0; offsetBytes < lengthBytes; ) {
    const adding: ReturnType<ContentReader["add"]>[] = [];
    while (adding.length < ADDS_AHEAD && offsetBytes < lengthBytes) {
      const block = reader.blockAt(offsetBytes);
      if (!block) return kept > 0 ? "partly" : "not-kept";
      adding.push(reader.add(offsetBytes, await readBack(offsetBytes, block.lengthBytes)));
      offsetBytes += block.lengthBytes;
    }
    const results = await Promise.all(adding);
    kept += results.filter((result) => result === "kept").length;
    blocks += results.length;
    // Downloaded before the file changed: a whole and consistent older version, of no use to others.
    if (results.includes("mismatch")) break;
  }
  return kept === blocks ? "kept" : kept > 0 ? "partly" : "not-kept";
}
