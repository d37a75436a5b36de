/** The Range field of a request. RFC 9110 14.2 */
import type { ContentRange } from "@branchcache/content-info";

/** The one range of bytes that the field asks of content of this size. Undefined for anything else. */
export function satisfiedRange(text: string, sizeBytes: number): ContentRange | undefined {
  const match = /^\s{0,8}bytes\s{0,8}=\s{0,8}(\d{0,16})\s{0,8}-\s{0,8}(\d{0,16})\s{0,8}$/i.exec(text);
  const [, first = "", last = ""] = match ?? [];
  if (!match || (first === "" && last === "")) return undefined;
  const range =
    first === ""
      ? { startBytes: Math.max(sizeBytes - Number(last), 0), endBytes: sizeBytes }
      : {
          startBytes: Number(first),
          endBytes: last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes),
        };
  if (last !== "" && first !== "" && Number(last) < Number(first)) return undefined;
  return range.startBytes < range.endBytes ? range : undefined;
}
