/** The profile of retrieval servers: our node passes it whole, and with a fault fails where it should. */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { createServer, type Server } from "node:net";
import { retrievalServer } from "@branchcache/conformance";
import { blockLengthBytes } from "@branchcache/content-info";
import {
  type Block,
  type BlockList,
  block,
  blockList,
  encodeMessage,
  negoResponse,
  parseResponse,
  type Response,
  type SegmentList,
  segmentList,
} from "@branchcache/retrieval";
import { corrupt, type MessageFault } from "@branchcache/retrieval/testing";
import { equalBytes } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampled } from "../support/slow.ts";
import { CONTENT_BYTES, type HeldContent, heldContent } from "./support/held-content.ts";
import { type Answered, type Asked, changed, type Fault, mutantOf } from "./support/mutant.ts";
import { failedIds, run } from "./support/outcomes.ts";

let held: HeldContent;
beforeAll(async () => {
  held = await heldContent(1);
});
afterAll(() => held[Symbol.asyncDispose]());

describe("our node", () => {
  it("passes the whole profile", async () => {
    const report = await run(retrievalServer, { ...held, random: seededRandom(1) });
    const bad = report.results.filter(({ outcome }) => outcome !== "pass");
    // Those have servers of their own below.
    expect(bad.map(({ id, outcome }) => [id, outcome])).toEqual([
      // It never sends a block in the clear.
      ["unencrypted-padding", "skipped"],
      ["upload-limit", "skipped"],
      ["upload-timer", "skipped"],
    ]);
    expect(report.results.length).toBeGreaterThan(45);
  });

  it("passes with content of version 2.0, whose segments have one block", async () => {
    await using second = await heldContent(2);
    const report = await run(retrievalServer, { ...second, random: seededRandom(1) });
    const bad = report.results.filter(({ outcome }) => outcome !== "pass");
    expect(bad.map(({ id, outcome }) => [id, outcome])).toEqual([
      ["lowest-of-several", "skipped"],
      ["unencrypted-padding", "skipped"],
      ["upload-limit", "skipped"],
      ["upload-timer", "skipped"],
    ]);
  });
});

/** Changes good answers alone. */
const onBytes = (change: (body: Uint8Array, asked: Asked) => Uint8Array): Fault => ({
  answered: (answered, asked) =>
    answered.status === 200 ? { ...answered, body: change(answered.body, asked) } : answered,
});
const onMessage = (change: (message: Response, asked: Asked) => Uint8Array | undefined): Fault =>
  onBytes((body, asked) => change(parseResponse(body), asked) ?? body);
const onBlock = (change: (body: Block) => Partial<Block>): Fault =>
  onMessage((message) => {
    if (message.kind !== "block" || message.body.data.length === 0) return undefined;
    return encodeMessage(block, message.cipher, { ...message.body, ...change(message.body) });
  });
const onList = (change: (body: BlockList) => Partial<BlockList>): Fault =>
  onMessage((message) => {
    if (message.kind !== "blockList") return undefined;
    return encodeMessage(blockList, message.cipher, { ...message.body, ...change(message.body) });
  });
const onSegments = (change: (body: SegmentList) => Partial<SegmentList>): Fault =>
  onMessage((message) => {
    if (message.kind !== "segmentList") return undefined;
    return encodeMessage(segmentList, message.cipher, { ...message.body, ...change(message.body) });
  });
const faulty = (fault: MessageFault): Fault => onBytes((body) => corrupt(body, fault));

/** Reads a 32-bit number of what was asked; 0 where it ends before. */
const numberAt = ({ body }: Asked, offset: number): number =>
  body.length < offset + 4 ? 0 : new DataView(body.buffer, body.byteOffset, body.length).getUint32(offset);
const isType = (type: number) => (asked: Asked) => numberAt(asked, 4) === type;
/** Where segment IDs of 32 bytes come first, what follows them. */
const AFTER_ID = 16 + 4 + 32;

const refuses = (which: (asked: Asked) => boolean, status = 400): Fault => ({
  answered: (answered, asked) => (which(asked) ? { status, headers: {}, body: new Uint8Array(0) } : answered),
});
const answersWith = (which: (asked: Asked, answered: Answered) => boolean, body = NEGO): Fault => ({
  answered: (answered, asked) => (which(asked, answered) ? { status: 200, headers: {}, body } : answered),
});
/** Mends a request before the server sees it, so that it takes what it should drop. */
const mends = (change: (view: DataView, body: Uint8Array) => void): Fault => ({
  asked: (asked) => ({ ...asked, body: changed(asked.body, change) }),
});
/** A list that is asked for twice in a row gets another NextBlockIndex the second time. */
function answersInTurn(): Fault {
  let last = "";
  return {
    answered(answered, asked) {
      const question = `${Buffer.from(asked.body).toString("hex")} ${asked.path}`;
      const again = question === last && isType(2)(asked) && answered.status === 200;
      last = question;
      if (!again) return answered;
      return { ...answered, body: changed(answered.body, (view) => view.setUint32(view.byteLength - 4, 9)) };
    },
  };
}

const NEGO = encodeMessage(negoResponse, 1, { min: { major: 1, minor: 0 }, max: { major: 2, minor: 0 } });

function opened(secret: Uint8Array, data: Uint8Array, iv: Uint8Array): Buffer {
  const opening = createDecipheriv("aes-128-cbc", secret.subarray(0, 16), iv).setAutoPadding(false);
  return Buffer.concat([opening.update(data), opening.final()]);
}

/** Another plaintext in the same ciphertext: made anew under the segment's key. */
function withPadding(pad: (plain: Uint8Array, contentBytes: number) => void): Fault {
  return onBlock(({ segmentId, blockIndex, data, iv }) => {
    const segment = held.information.segments.find(({ id }) => equalBytes(id, segmentId));
    if (!segment) return {};
    const key = segment.secret.subarray(0, 16);
    const plain = opened(segment.secret, data, iv);
    pad(plain, blockLengthBytes(segment, blockIndex));
    const sealing = createCipheriv("aes-128-cbc", key, iv).setAutoPadding(false);
    return { data: Buffer.concat([sealing.update(plain), sealing.final()]) };
  });
}

/** Checks that see whether a block is right. */
const BLOCKS = [
  "block",
  "every-block",
  "lowest-of-several",
  "verification-data-ignored",
  "preferred-cipher-is-a-wish",
];
/** Those that look at a MSG_BLK of a block that is not held. */
const EMPTY_BLOCKS = ["missing-block", "size-prefix", "version-by-type"];
const DISCARDS = [
  "count-overruns",
  "empty-body",
  "identifier-overruns",
  "no-identifiers",
  "oversized",
  "range-outside-segment",
  "response-as-request",
  "size-too-large",
  "size-too-small",
  "trailing-bytes",
  "truncated",
  "unknown-cipher",
  "unknown-type",
  "wrong-count-of-identifiers",
];

const MUTANTS: readonly (readonly [name: string, fault: Fault, caughtBy: readonly string[]])[] = [
  // Blocks.
  ["gives a block with another bit", faulty("wrong-bytes"), BLOCKS],
  ["gives the index of the next block", faulty("wrong-index"), [...BLOCKS, "block-echoes-request"]],
  ["names another segment in MSG_BLK", faulty("wrong-segment"), ["block-echoes-request"]],
  ["cuts blocks short", faulty("short-block"), [...BLOCKS, "iv-and-length", "pkcs7"]],
  ["says that it has no block", faulty("empty-block"), [...BLOCKS, "encrypts", "unencrypted-padding"]],
  [
    "gives the first block, whichever is asked for",
    mends((view, body) => {
      if (body.length === AFTER_ID + 16 && view.getUint32(4) === 3) view.setUint32(AFTER_ID + 4, 0);
    }),
    ["block-echoes-request", "every-block", "missing-block", "next-block-index"],
  ],
  [
    "writes BlockIndex little-endian",
    onMessage((message) => {
      if (message.kind !== "block") return undefined;
      const swapped = changed(new Uint8Array(4), (view) => view.setUint32(0, message.body.blockIndex, true));
      const blockIndex = new DataView(swapped.buffer).getUint32(0);
      return encodeMessage(block, message.cipher, { ...message.body, blockIndex });
    }),
    ["block-echoes-request", "every-block", "missing-block"],
  ],
  ["sends NextBlockIndex 0 always", onBlock(() => ({ nextBlockIndex: 0 })), ["next-block-index"]],
  [
    "counts on in NextBlockIndex after the last block",
    onBlock(({ blockIndex }) => ({ nextBlockIndex: blockIndex + 1 })),
    ["next-block-index"],
  ],
  [
    "answers 404 for a block it lacks",
    {
      answered: (answered, asked) =>
        isType(3)(asked) && answered.body.length === 76 ? { ...answered, status: 404 } : answered,
    },
    ["empty-block-range", "missing-block"],
  ],
  [
    "gives the last of several blocks",
    mends((view, body) => {
      if (view.getUint32(4) === 3 && body.length === AFTER_ID + 24)
        view.setUint32(AFTER_ID + 12, view.getUint32(AFTER_ID + 4) + 1);
    }),
    ["lowest-of-several"],
  ],
  [
    "drops requests with DataForVrfBlock",
    refuses((asked) => isType(3)(asked) && asked.body.length === AFTER_ID + 16 + 13),
    ["verification-data-ignored"],
  ],
  [
    "drops requests for an empty range",
    refuses((asked) => isType(3)(asked) && numberAt(asked, AFTER_ID + 8) === 0),
    ["empty-block-range"],
  ],
  // Encryption.
  ["calls ciphertext plaintext", faulty("no-cipher"), [...BLOCKS, "encrypts", "unencrypted-padding"]],
  [
    "calls AES-128 AES-256",
    onMessage((message) =>
      message.kind === "block" && message.cipher === 1 ? encodeMessage(block, 3, message.body) : undefined,
    ),
    [...BLOCKS, "pkcs7"],
  ],
  ["sends an IV of 8 bytes", faulty("short-iv"), [...BLOCKS, "iv-and-length", "pkcs7"]],
  [
    "sends another IV than it used",
    onBlock(({ iv }) => ({ iv: changed(iv, (_, copy) => copy.reverse()) })),
    BLOCKS,
  ],
  ["pads with sixteen bytes too many", faulty("wrong-padding"), ["pkcs7"]],
  ["pads with zeros", withPadding((plain, contentBytes) => plain.fill(0, contentBytes)), ["pkcs7"]],
  // Block lists.
  [
    "leaves the last block out of its list",
    onList(({ ranges }) => ({
      ranges: ranges.map(({ index, count }) => ({ index, count: count > 1 ? count - 1 : count })),
    })),
    ["block-list"],
  ],
  [
    "lists blocks that were not asked for",
    onList(({ ranges }) => ({
      ranges: ranges.map(({ index }) => ({ index, count: 4 })),
    })),
    ["block-list-intersection"],
  ],
  [
    "lists blocks of segments it lacks",
    onList(({ ranges }) => ({
      ranges: ranges.length === 0 ? [{ index: 0, count: 4 }] : ranges,
    })),
    ["block-list-of-nothing", "empty-request"],
  ],
  [
    "names another segment in MSG_BLKLIST",
    onList(({ segmentId }) => ({ segmentId: changed(segmentId, (_, copy) => copy.reverse()) })),
    ["block-list", "block-list-of-nothing"],
  ],
  ["sends NextBlockIndex 0 in its list", onList(() => ({ nextBlockIndex: 0 })), ["block-list-intersection"]],
  [
    "drops ranges that overlap",
    refuses((asked) => isType(2)(asked) && numberAt(asked, AFTER_ID) === 3),
    ["disordered-ranges"],
  ],
  [
    "takes at most 255 ranges",
    refuses((asked) => isType(2)(asked) && numberAt(asked, AFTER_ID) === 256),
    ["range-limit"],
  ],
  [
    "drops requests without ranges",
    refuses((asked) => isType(2)(asked) && asked.body.length === AFTER_ID + 4),
    ["empty-request"],
  ],
  [
    "takes segment IDs of 32 bytes alone",
    refuses((asked) => [48, 64].includes(numberAt(asked, 16))),
    ["long-segment-ids"],
  ],
  // Segment lists.
  [
    "makes a RequestID of its own",
    onSegments(({ requestId }) => ({ requestId: changed(requestId, (_, copy) => copy.reverse()) })),
    ["segment-list"],
  ],
  [
    "lists segments it lacks",
    onSegments(() => ({ ranges: [{ index: 0, count: 3 }] })),
    ["segment-list", "segment-list-of-nothing"],
  ],
  [
    "sends MSG_SEGLIST as version 1.0",
    onBytes((body) =>
      changed(body, (view) => {
        if (view.getUint32(8) === 7) view.setUint16(6, 1);
      }),
    ),
    ["segment-list-version"],
  ],
  [
    "sends ages in a unit that does not exist",
    onSegments(() => ({ blob: Uint8Array.of(0, 1, 9, 0) })),
    ["segment-ages"],
  ],
  [
    "drops requests with a BLOB",
    refuses((asked) => isType(6)(asked) && numberAt(asked, asked.body.length - 12) === 8),
    ["segment-list-of-nothing"],
  ],
  // Framing and versions.
  [
    "leaves Size out of MSG_BLK",
    onBytes((body) =>
      new DataView(body.buffer, body.byteOffset).getUint32(8) === 5 ? body.subarray(4) : body,
    ),
    [
      ...BLOCKS,
      ...EMPTY_BLOCKS,
      "block-echoes-request",
      "empty-block-range",
      "encrypts",
      "iv-and-length",
      "next-block-index",
      "pkcs7",
      "unencrypted-padding",
    ],
  ],
  [
    "sends the major word of the version first",
    onBytes((body) =>
      changed(body, (view) => {
        if (view.getUint32(8) === 5) view.setUint32(4, 0x10000);
      }),
    ),
    [
      ...BLOCKS,
      "missing-block",
      "version-by-type",
      "block-echoes-request",
      "empty-block-range",
      "encrypts",
      "iv-and-length",
      "next-block-index",
      "pkcs7",
      "unencrypted-padding",
    ],
  ],
  [
    "drops requests of another version",
    refuses((asked) => numberAt(asked, 0) === 99),
    ["unsupported-version"],
  ],
  ["drops MSG_NEGO_REQ", refuses((asked) => asked.body.length === 24 && isType(0)(asked)), ["negotiation"]],
  [
    "names a highest version below its lowest",
    answersWith(
      (asked) => isType(0)(asked) && asked.body.length === 24,
      changed(NEGO, (view) => view.setUint16(26, 0)),
    ),
    ["negotiation"],
  ],
  [
    "takes the path in one case alone",
    refuses(({ path }) => path === path.toLowerCase(), 404),
    ["path-in-any-case"],
  ],
  ["answers every path", answersWith(({ path }) => path.includes("no-such-path")), ["other-path"]],
  ["answers every method", answersWith(({ method }) => method === "PUT"), ["other-method"]],
  [
    "takes bodies of unknown length",
    answersWith(({ headers }) => headers["transfer-encoding"] !== undefined),
    ["no-length"],
  ],
  ["gives another answer when asked again", answersInTurn(), ["stateless"]],
  // What has to be dropped.
  [
    "answers what is malformed with a message",
    answersWith((_, { status }) => status === 400 || status === 413),
    DISCARDS,
  ],
  [
    "answers it with an empty 200",
    answersWith((_, { status }) => status === 400 || status === 413, new Uint8Array(0)),
    DISCARDS,
  ],
  [
    "goes by the bytes, whatever MsgSize says",
    mends((view) => {
      if (view.byteLength === AFTER_ID + 16 && view.getUint32(4) === 3) view.setUint32(8, view.byteLength);
    }),
    ["size-too-large", "size-too-small"],
  ],
  [
    "takes bytes after a message",
    {
      asked: (asked) => {
        if (asked.body.length !== AFTER_ID + 16 || !isType(2)(asked)) return asked;
        return {
          ...asked,
          headers: { ...asked.headers, "content-length": String(asked.body.length - 4) },
          body: changed(asked.body.subarray(0, -4), (view) => view.setUint32(8, view.byteLength)),
        };
      },
    },
    ["trailing-bytes"],
  ],
  [
    "takes a cipher that does not exist",
    mends((view) => {
      if (view.byteLength > 16 && view.getUint32(12) === 9) view.setUint32(12, 1);
    }),
    ["unknown-cipher"],
  ],
  [
    "takes a response for a request",
    mends((view) => {
      if (view.byteLength > 16 && view.getUint32(4) === 4) view.setUint32(4, 2);
    }),
    ["response-as-request"],
  ],
  ["answers unknown types with its versions", answersWith(isType(8)), ["unknown-type"]],
  [
    "takes ranges that leave the segment",
    mends((view) => {
      if (view.byteLength === AFTER_ID + 12 && view.getUint32(AFTER_ID + 8) === 2)
        view.setUint32(AFTER_ID + 8, 1);
    }),
    ["range-outside-segment"],
  ],
];

describe("a mutant that", () => {
  it.each(sampled(MUTANTS))("%s is caught", async (_, fault, caughtBy) => {
    await using mutant = await mutantOf(held.server, fault);
    const report = await run(retrievalServer, {
      server: mutant.server,
      information: held.information,
      random: seededRandom(1),
    });
    expect(failedIds(report)).toEqual([...caughtBy].sort());
  });
});

describe("a failure tells which message came, and what is wrong with its block:", () => {
  it.each([
    [
      "wrong-bytes",
      /^65536 bytes by aes-128-cbc, whose hash is not that of block 0; MSG_BLK of segment [0-9a-f]{64}, block 0, /,
    ],
    ["empty-block", /^no bytes; MSG_BLK .* SizeOfBlock 0, /],
    ["short-block", /^\d+ bytes by aes-128-cbc, where the block has 65536; MSG_BLK /],
    ["odd-block", /^cannot be decrypted by aes-128-cbc; MSG_BLK /],
    [
      "no-cipher",
      /^65536 bytes without encryption, whose hash is not that of block 0; MSG_BLK .* CryptoAlgoId 0, /,
    ],
  ] as const)("%s", async (fault, received) => {
    await using mutant = await mutantOf(held.server, faulty(fault));
    const target = { ...held, server: mutant.server, random: seededRandom(1) };
    const { results } = await run(retrievalServer, target, ["block"]);
    expect(results[0]?.sent).toMatch(/^MSG_GETBLKS [0-9a-f]{96}… \(68 bytes\)$/);
    expect(results[0]?.received).toMatch(received);
  });
});

describe("a server that sends the last block unencrypted", () => {
  const LAST = 3;
  const LAST_BYTES = CONTENT_BYTES - LAST * 65_536;
  /** Size, header, length and identifier, three numbers: the block begins. */
  const BLOCK_AT = 4 + 16 + 4 + 32 + 12;
  const PADDING_AT = BLOCK_AT + LAST_BYTES;

  async function padded(change: (honest: Uint8Array) => Uint8Array) {
    const fault = onMessage((message) => {
      if (message.kind !== "block" || message.body.blockIndex !== LAST) return undefined;
      const { segmentId, data, iv } = message.body;
      const segment = held.information.segments.find(({ id }) => equalBytes(id, segmentId));
      if (!segment || data.length === 0) return undefined;
      const plain = opened(segment.secret, data, iv).subarray(0, LAST_BYTES);
      return change(encodeMessage(block, 0, { ...message.body, data: plain, iv: new Uint8Array(0) }));
    });
    await using mutant = await mutantOf(held.server, fault);
    const target = { ...held, server: mutant.server, random: seededRandom(1) };
    return (await run(retrievalServer, target, ["unencrypted-padding"])).results[0]?.outcome;
  }
  /** Without so many bytes of the padding, and Size and MsgSize made to fit. */
  const without = (count: number) => (honest: Uint8Array) =>
    changed(Buffer.concat([honest.subarray(0, PADDING_AT), honest.subarray(PADDING_AT + count)]), (view) => {
      view.setUint32(0, view.byteLength - 4);
      view.setUint32(12, view.byteLength - 4);
    });

  it.each([
    ["with three zeros passes", (honest: Uint8Array) => honest, "pass"],
    [
      "with bytes of something else fails",
      (honest: Uint8Array) => changed(honest, (view) => view.setUint8(PADDING_AT + 2, 1)),
      "fail",
    ],
    ["with as many zeros as it has bytes too many fails", without(2), "fail"],
    ["without padding fails", without(3), "fail"],
  ] as const)("%s", async (_, change, outcome) => {
    expect(LAST_BYTES % 4).toBe(1);
    expect(await padded(change)).toBe(outcome);
  });
});

describe("a target that is dead", () => {
  const targetAt = (port: number) => ({
    server: { address: "127.0.0.1", port },
    information: held.information,
    random: seededRandom(1),
    timeoutMs: 100,
  });

  it("is unreachable when nobody listens", async () => {
    const server = createServer();
    const port = await portOf(server);
    await new Promise((resolve) => server.close(resolve));
    await expect(run(retrievalServer, targetAt(port))).rejects.toMatchObject({
      code: "BC_CONFORMANCE_UNREACHABLE",
    });
  });

  it("is unreachable when it never answers", async () => {
    const server = createServer();
    const port = await portOf(server);
    await expect(run(retrievalServer, targetAt(port))).rejects.toMatchObject({
      code: "BC_CONFORMANCE_UNREACHABLE",
    });
    server.close();
  });

  it("passes nothing when it dies after the first exchange", async () => {
    let exchanges = 0;
    await using mutant = await mutantOf(held.server, {
      answered: (answered) => (exchanges++ === 0 ? answered : undefined),
    });
    const report = await run(retrievalServer, targetAt(mutant.server.port));
    expect(report.results.filter(({ outcome }) => outcome === "pass")).toEqual([]);
  });
});

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
