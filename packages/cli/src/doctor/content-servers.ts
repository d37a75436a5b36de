/** Whether servers give Content Information, and the same for the same content. */

import { redactUrl } from "@branchcache/http-encoding/node/client";
import { errorCode, errorMessage, toHex } from "@branchcache/runtime";
import { readSource } from "../commands/info/source.ts";
import { bad, type Finding, good } from "./finding.ts";

const NOT_CODED =
  "ask again in a moment (the first request starts the hashing); check that no proxy between takes " +
  "Accept-Encoding: peerdist out (HTTPS goes past it), and that the file is not smaller than min_size";
const NO_ANSWER =
  "see that the URL is right and the server runs; behind a gateway, `branchcache doctor` there says whether its origin answers";

/** Nothing was said about the content, so that it is no matter of BranchCache. */
const isNoAnswer = (error: unknown): boolean =>
  ["BC_ORIGIN_UNREACHABLE", "BC_ORIGIN_STATUS"].includes(errorCode(error) ?? "");

export async function checkContentServers(urls: readonly string[]): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  const identifiers = new Map<string, { readonly id: string; readonly hash: string }>();
  for (const url of urls) {
    try {
      const { content } = await readSource(url, 2);
      const [first] = content.segments;
      if (first) identifiers.set(redactUrl(url), { id: toHex(first.id), hash: toHex(first.hashOfData) });
      found.push(
        good(
          "content server",
          `${redactUrl(url)} gives Content Information, ${content.segments.length} segments`,
        ),
      );
    } catch (error) {
      found.push(bad("content server", errorMessage(error), isNoAnswer(error) ? NO_ANSWER : NOT_CODED));
    }
  }
  found.push(...secrets(identifiers));
  return found;
}

/** The same bytes under different identifiers: different secrets. */
function secrets(
  identifiers: ReadonlyMap<string, { readonly id: string; readonly hash: string }>,
): readonly Finding[] {
  const [one, ...others] = [...identifiers];
  if (!one || others.length === 0) return [];
  const strangers = others.filter(([, { id, hash }]) => hash === one[1].hash && id !== one[1].id);
  if (strangers.length > 0) {
    return [
      bad(
        "secret",
        `${[one, ...strangers].map(([url]) => url).join(", ")} have the same content under different secrets: ` +
          "each copy is cached separately",
        "branchcache key export on one, branchcache key import on the others",
      ),
    ];
  }
  const same = others.filter(([, { id }]) => id === one[1].id).length;
  return same > 0 ? [good("secret", `${same + 1} servers share one secret`)] : [];
}
