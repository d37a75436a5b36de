/** Checks that send one request, and say what its answer has to be. */
import type { Block, BlockList } from "@branchcache/retrieval";
import { type Check, type Finding, finding } from "../../kit/check.ts";
import { hexText, seenText } from "../../kit/http.ts";
import { requestText, responseText } from "./message-text.ts";
import type { Range } from "./messages.ts";
import { ask, isDiscard, type Read, type RetrievalServerTarget, readAnswer } from "./target.ts";

export type ServerCheck = Check<RetrievalServerTarget>;

export const ALL_BLOCKS: Range = { index: 0, count: 512 };

/** Whether a message is what it should be; in words where its fields do not show what is wrong. */
type Verdict = boolean | string;

/** Sends the request, and holds that its answer is a message that `good` accepts. */
export async function answerFinding(
  target: RetrievalServerTarget,
  sent: Uint8Array,
  expected: string,
  good: (message: Extract<Read, { ok: true }>["message"]) => Verdict,
): Promise<Finding> {
  const read = readAnswer(await ask(target, sent));
  if (!read.ok) return finding(false, requestText(sent), read.reason, expected);
  const verdict = good(read.message);
  const received = [verdict, responseText(read.message)].filter((text) => typeof text === "string");
  return finding(verdict === true, requestText(sent), received.join("; "), expected);
}

export function blockListFinding(
  target: RetrievalServerTarget,
  sent: Uint8Array,
  expected: string,
  good: (list: BlockList) => Verdict,
): Promise<Finding> {
  return answerFinding(
    target,
    sent,
    expected,
    (message) => message.kind === "blockList" && good(message.body),
  );
}

export function blockFinding(
  target: RetrievalServerTarget,
  sent: Uint8Array,
  expected: string,
  good: (block: Block, cipher: number) => Verdict,
): Promise<Finding> {
  return answerFinding(
    target,
    sent,
    expected,
    (message) => message.kind === "block" && good(message.body, message.cipher),
  );
}

/** A request that no server may answer with a message. [MS-PCCRR] 3.2.5.5 */
export function discarded(
  check: Omit<ServerCheck, "run" | "negative">,
  bytes: (target: RetrievalServerTarget) => Uint8Array,
): ServerCheck {
  return {
    ...check,
    negative: true,
    async run(target) {
      const sent = bytes(target);
      const seen = await ask(target, sent);
      return finding(
        isDiscard(seen),
        hexText(sent),
        seenText(seen),
        "an HTTP error, or the connection closed",
      );
    },
  };
}
