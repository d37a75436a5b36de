// @ts-check
/**
 * A client process that fetches the benchmark's content from known peers and prints what it took.
 * Arguments: version, bytes, mode, ports. `check` compares the SHA-256 of the whole, `time` only takes the time;
 * `sealed` keeps the ciphertext of each block as well, and `kept` leaves plaintexts to the garbage collection.
 */
import { createHash } from "node:crypto";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { fetchBlocks } from "@branchcache/retrieval";
import { nodeBlockCipher, nodeHttpPort } from "@branchcache/retrieval/node";
import { systemClock } from "@branchcache/runtime/node";
import { watchOwnUse } from "../support/process-use.js";
import { benchSegments, plainBlock } from "./content.js";

const [version = "1", bytes = "0", mode = "time", ...ports] = process.argv.slice(2);
const segments = benchSegments(version === "2" ? 2 : 1, Number(bytes));
const wanted = segments.flatMap((segment) =>
  segment.blockHashes.map((_, blockIndex) => ({ segment, blockIndex })),
);
const whole = mode === "check" ? createHash("sha256") : undefined;
const expected = whole && createHash("sha256");

const used = watchOwnUse();
let received = 0;
for await (const piece of fetchBlocks(wanted, {
  finder: { async *find() {} },
  peers: ports.map((port) => ({
    id: port,
    addresses: [{ address: "127.0.0.1", port: Number(port) }],
    kind: "peer",
  })),
  http: nodeHttpPort(),
  cipher: nodeBlockCipher,
  engine: nodeHashEngine,
  clock: systemClock,
  keepSealed: mode === "sealed",
  releaseBytes: mode !== "kept",
})) {
  if (piece.kind === "missing") throw new Error(`block ${piece.blockIndex} is missing: ${piece.reason}`);
  whole?.update(piece.bytes);
  expected?.update(plainBlock(received / 65_536));
  received += piece.bytes.length;
}
const use = used();
if (received !== Number(bytes)) throw new Error(`${received} bytes came, ${bytes} were wanted`);
if (whole?.digest("hex") !== expected?.digest("hex")) throw new Error("the content is wrong");
console.log(JSON.stringify(use));
