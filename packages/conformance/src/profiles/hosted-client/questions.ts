/** What a client asks a hosted cache before it turns to the origin. [MS-PCCRR] 3.1.4.4 */
import { parseRequest, RETRIEVAL_PATH, type Request } from "@branchcache/retrieval";
import { errorMessage, toHex } from "@branchcache/runtime";
import { finding, skipped } from "../../kit/check.ts";
import { hexText } from "../../kit/http.ts";
import { segmentById } from "../../stage/content.ts";
import type { ClientCheck } from "../../stage/target.ts";
import { isPath, playOffice } from "./office.ts";

const SCENE = "two downloads of content that the cache does not hold";
/** Content of so many segments that some clients ask in several messages. */
const SEGMENTS_BYTES = 20 * 131_072;

export const questionChecks: readonly ClientCheck[] = [
  {
    id: "segment-list-questions",
    requirements: ["PCCRR-44", "PCCRR-45", "PCCRR-48"],
    level: "MUST",
    title: "asks for segments of the content, in well-formed messages, each with a RequestID of its own",
    async run({ stage }) {
      const seen: string[] = [];
      let asked = 0;
      for (const version of [1, 2] as const) {
        const { played } = await playOffice(stage, { version, lengthBytes: SEGMENTS_BYTES });
        for (const { body, request } of played.posts) {
          if (!isPath(request, RETRIEVAL_PATH)) continue;
          const message = read(body);
          if (typeof message === "string") return finding(false, SCENE, message, "a well-formed message");
          if (message.kind !== "getSegmentList") continue;
          asked++;
          const { requestId, segmentIds } = message.body;
          const stranger = segmentIds.find((id) => !segmentById(played.content, id));
          if (stranger) return finding(false, SCENE, `segment ${toHex(stranger)}`, "segments of the content");
          seen.push(toHex(requestId));
        }
      }
      if (asked === 0) return skipped("no MSG_GETSEGLIST came");
      return finding(
        new Set(seen).size === seen.length,
        SCENE,
        `${asked} MSG_GETSEGLIST with ${new Set(seen).size} RequestIDs`,
        "another RequestID in each",
      );
    },
  },
];

/** The message, or why the bytes are none. */
function read(body: Uint8Array): Request | string {
  try {
    return parseRequest(body);
  } catch (error) {
    return `${errorMessage(error)}: ${hexText(body)}`;
  }
}
