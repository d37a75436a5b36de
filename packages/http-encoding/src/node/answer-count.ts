/** What every content server counts of its answers. */
import type { Observer } from "@branchcache/runtime";
import { fieldText, readLength } from "../http-fields.ts";
import type { PlainAnswer } from "../server/decision.ts";
import type { OfferReading } from "../server/offer.ts";

/** `head`: of the content, where that is what was sent. */
export function countAnswer(
  observer: Observer,
  reading: OfferReading,
  isContentInformation: boolean,
  head: PlainAnswer,
): void {
  const missing = reading.kind === "none" && reading.reason === "missing-data";
  const plain = missing ? "missing_data" : "content";
  observer.count("http_requests_total", 1, {
    peerdist: String(reading.kind === "offer"),
    answer: isContentInformation ? "content_info" : plain,
  });
  if (isContentInformation) return;
  observer.event("trace", missing ? "missing_data.sent" : "content.sent", { status: head.status });
  if (!missing || (head.status !== 200 && head.status !== 206)) return;
  const lengthBytes = readLength(fieldText(head.headers, "content-length"));
  if (lengthBytes) observer.count("miss_bytes_total", lengthBytes, { cause: "branch" });
}
