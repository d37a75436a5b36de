/** What comes for a resource whose hashes are not made yet. [MS-PCCRTP] 3.2.5.1 */
import { parsePeerDistEx } from "@branchcache/http-encoding";
import { finding, skipped } from "../../kit/check.ts";
import { isCoded, readInformation } from "./bodies.ts";
import type { ContentCheck } from "./information.ts";
import { answerText, get, OFFER, sentText } from "./target.ts";

export const firstRequestChecks: readonly ContentCheck[] = [
  {
    id: "first-request",
    requirements: ["PCCRTP-6", "PCCRTP-16", "PCCRTP-35", "PCCRTP-36", "PCCRTP-40"],
    level: "SHOULD",
    title:
      "answers the first request at once: with the content and MakeHashRequest=true, or hashed on the spot",
    async run(target) {
      const { freshPath } = target;
      if (freshPath === undefined) return skipped("no resource that nobody has asked for was named");
      const seen = await get(target, OFFER, { path: freshPath, maxBodyBytes: 1024 ** 3 });
      const asks =
        seen.kind === "answer" &&
        seen.status === 200 &&
        parsePeerDistEx(String(seen.headers["x-p2p-peerdistex"] ?? "")).makeHashRequest === true;
      const information =
        seen.kind === "answer" && isCoded(seen) && typeof readInformation(seen) !== "string";
      return finding(
        information || asks,
        sentText(OFFER),
        answerText(seen),
        "HTTP 200: Content Information, or the content and X-P2P-PeerDistEx: MakeHashRequest=true",
      );
    },
  },
];
