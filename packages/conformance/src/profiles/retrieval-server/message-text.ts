/** What messages say, for a report. */
import { type IndexRange, parseRequest, type Request, type Response } from "@branchcache/retrieval";
import { toHex } from "@branchcache/runtime";
import { hexText } from "../../kit/http.ts";

const rangesText = (ranges: readonly IndexRange[]): string => {
  if (ranges.length === 0) return "no ranges";
  const shown = ranges.slice(0, 8).map(({ index, count }) => `${count} from ${index}`);
  return `ranges: ${shown.join(", ")}${ranges.length > shown.length ? `, … (${ranges.length})` : ""}`;
};

/** One line with the fields of a response. */
export function responseText(message: Response): string {
  switch (message.kind) {
    case "nego": {
      const { max, min } = message.body;
      return `MSG_NEGO_RESP ${min.major}.${min.minor} to ${max.major}.${max.minor}`;
    }
    case "blockList": {
      const { nextBlockIndex, ranges, segmentId } = message.body;
      return `MSG_BLKLIST of segment ${toHex(segmentId)}, ${rangesText(ranges)}, NextBlockIndex ${nextBlockIndex}`;
    }
    case "block": {
      const { blockIndex, data, iv, nextBlockIndex, segmentId } = message.body;
      return (
        `MSG_BLK of segment ${toHex(segmentId)}, block ${blockIndex}, NextBlockIndex ${nextBlockIndex}, ` +
        `CryptoAlgoId ${message.cipher}, SizeOfBlock ${data.length}, SizeOfIVBlock ${iv.length}`
      );
    }
    case "segmentList":
      return `MSG_SEGLIST of RequestID ${toHex(message.body.requestId)}, ${rangesText(message.body.ranges)}`;
  }
}

const REQUESTS: Readonly<Record<Request["kind"], string>> = {
  nego: "MSG_NEGO_REQ",
  getBlockList: "MSG_GETBLKLIST",
  getBlocks: "MSG_GETBLKS",
  getSegmentList: "MSG_GETSEGLIST",
  otherVersion: "a request of another version",
};

/** Name and bytes of a request; the bytes alone of one that is malformed on purpose. */
export function requestText(bytes: Uint8Array): string {
  try {
    return `${REQUESTS[parseRequest(bytes).kind]} ${hexText(bytes)}`;
  } catch {
    return hexText(bytes);
  }
}
