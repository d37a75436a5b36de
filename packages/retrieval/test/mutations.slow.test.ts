/** Every change of one byte, in full: nothing breaks, and nothing false gets through. */
import { blockLengthBytes, verifyBlock } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { concatBytes, DecodeError, equalBytes, fromHex } from "@branchcache/runtime";
import { manualClock } from "@branchcache/runtime/testing";
import { expect, it } from "vitest";
import { checkBlock } from "../src/client/check-answers.ts";
import {
  createRetrievalServer,
  encodeMessage,
  getBlocks,
  parseRequest,
  parseResponse,
} from "../src/index.ts";
import { nodeBlockCipher } from "../src/node.ts";
import { memorySource, testSegment } from "./content.ts";
import vectors from "./vectors/messages.json" with { type: "json" };

function* mutants(bytes: Uint8Array): Generator<{ readonly mutant: Uint8Array; readonly at: number }> {
  const mutant = bytes.slice();
  for (const [at, value] of bytes.entries()) {
    for (let other = 0; other < 256; other++) {
      if (other === value) continue;
      mutant[at] = other;
      yield { mutant, at };
    }
    mutant[at] = value;
  }
}

it("PCCRR-104 PCCRR-128 a message with one byte changed is read or refused, and nothing else happens", () => {
  for (const { hex, name } of vectors.messages) {
    const parse = /REQ|GET/.test(name) ? parseRequest : parseResponse;
    for (const { mutant } of mutants(fromHex(hex) as Uint8Array)) {
      try {
        parse(mutant);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }
  }
});

it("PCCRR-100 a block with one byte of its message changed is refused, or it is right", async () => {
  const content = testSegment(2, 200, 1);
  const { segment } = content;
  const server = createRetrievalServer({ source: memorySource([content]), clock: manualClock() });
  const ranges = [{ index: 0, count: 1 }];
  const request = { segmentId: segment.id, ranges, verificationData: new Uint8Array(0) };
  const answer = await server.handle(encodeMessage(getBlocks, 1, request), "");
  if (answer.kind !== "message") throw new Error("no answer");
  const honest = concatBytes(...answer.parts);
  const through = new Set<number>();
  for (const { at, mutant } of mutants(honest)) {
    let response: ReturnType<typeof parseResponse>;
    try {
      response = parseResponse(mutant);
    } catch {
      continue;
    }
    const checked = checkBlock(response, segment.id, 0);
    if (checked.kind !== "block") continue;
    const opened = nodeBlockCipher.open(checked.sealed, segment.secret, blockLengthBytes(segment, 0));
    if (!opened || !verifyBlock(segment, 0, opened.plaintext, engine)) continue;
    expect(equalBytes(opened.plaintext, content.blocks[0] as Uint8Array)).toBe(true);
    through.add(at);
  }
  // The version's minor word and a major that is ours, the next block's index, and the block's padding.
  const dataStart = 4 + 16 + 4 + 32 + 12;
  expect([...through].every((at) => at < 8 || (at >= 60 && at < 64) || at >= dataStart + 192)).toBe(true);
});
