/** How many clients a server serves at once, and for how long. [MS-PCCRR] 3.2.1, 3.2.2, 3.2.5 */
import { connect, type Socket } from "node:net";
import { blockLengthBytes } from "@branchcache/content-info";
import { RETRIEVAL_PATH } from "@branchcache/retrieval";
import { type Clock, concatBytes, formatEndpoint } from "@branchcache/runtime";
import { type Finding, finding, skipped } from "../../kit/check.ts";
import { hexText } from "../../kit/http.ts";
import type { ServerCheck } from "./asking.ts";
import { getBlocks } from "./messages.ts";
import { ask, heldSegment, type RetrievalServerTarget, readAnswer } from "./target.ts";
import type { UploadSettings } from "./upload-settings.ts";

/** So many unread answers are far more than the socket buffers on both sides hold, so that the server has to wait. */
const ASKED = 300;
/** Requests are sent with pauses: if all came at once, each would take a slot of its own. */
const ASK_EVERY_MS = 3;
const LOOK_EVERY_MS = 50;
const NOT_GIVEN = "the target's limit of uploads was not given";

/** A client that asks for a block over and over, and reads nothing until it is told to. */
class IdleReader {
  readonly #socket: Socket;
  readonly #asking = new AbortController();
  readonly #blockBytes: number;
  #received = 0;
  #ended = false;

  constructor({ server }: RetrievalServerTarget, message: Uint8Array, blockBytes: number, clock: Clock) {
    this.#blockBytes = blockBytes;
    const head =
      `POST ${RETRIEVAL_PATH} HTTP/1.1\r\nHost: ${formatEndpoint(server)}\r\n` +
      `Content-Length: ${message.length}\r\n\r\n`;
    const request = concatBytes(new TextEncoder().encode(head), message);
    this.#socket = connect({ host: server.address, port: server.port });
    this.#socket.on("data", (part) => {
      this.#received += part.length;
    });
    this.#socket.on("error", () => {
      this.#ended = true;
    });
    this.#socket.on("close", () => {
      this.#ended = true;
    });
    this.#socket.pause();
    this.#ask(request, clock).catch(() => {
      // It was closed meanwhile.
    });
  }

  async #ask(request: Uint8Array, clock: Clock): Promise<void> {
    for (let asked = 0; asked < ASKED && !this.#ended; asked++) {
      this.#socket.write(request);
      await clock.sleep(ASK_EVERY_MS, this.#asking.signal);
    }
  }

  /** Reads what the server has sent, until nothing more has come for `quietMs`; true if it has closed the connection. */
  async readToEnd(clock: Clock, quietMs: number): Promise<boolean> {
    this.#socket.resume();
    let received = this.#received;
    let untilMs = clock.monotonicMs() + quietMs;
    while (!this.#ended && clock.monotonicMs() < untilMs) {
      await clock.sleep(LOOK_EVERY_MS);
      if (received === this.#received) continue;
      received = this.#received;
      untilMs = clock.monotonicMs() + quietMs;
    }
    return this.#ended;
  }

  /** Whether it got less than it asked for, though it was not ended: another client held the slots. */
  get wasRefused(): boolean {
    return !this.#ended && this.#received < ASKED * this.#blockBytes;
  }

  close(): void {
    this.#asking.abort();
    this.#socket.destroy();
  }
}

const patienceMs = ({ timeoutMs = 5_000 }: RetrievalServerTarget): number => timeoutMs;

/** Asks for a block until the answer is `wanted`, or `timeoutMs` is over. Gives the last answer. */
async function blockUntil(
  target: RetrievalServerTarget,
  clock: Clock,
  message: Uint8Array,
  wanted: "empty" | "content",
): Promise<string> {
  const untilMs = clock.monotonicMs() + patienceMs(target);
  for (;;) {
    const read = readAnswer(await ask(target, message));
    const seen = !read.ok
      ? read.reason
      : read.message.kind === "block"
        ? read.message.body.data.length === 0
          ? "empty"
          : "content"
        : read.message.kind;
    if (seen === wanted || clock.monotonicMs() > untilMs) return seen;
    await clock.sleep(LOOK_EVERY_MS);
  }
}

/** Runs `judge` while every upload slot of the target is taken by a client that reads nothing. */
async function whileFull(
  target: RetrievalServerTarget,
  judge: (full: {
    readonly settings: UploadSettings;
    readonly message: Uint8Array;
    readonly readers: readonly IdleReader[];
  }) => Promise<Finding>,
): Promise<Finding> {
  const { uploads: settings } = target;
  if (!settings) return skipped(NOT_GIVEN);
  const segment = heldSegment(target);
  const message = getBlocks(segment.id, [{ index: segment.firstBlockIndex, count: 1 }]);
  const readers = Array.from(
    { length: settings.limit },
    () => new IdleReader(target, message, blockLengthBytes(segment, segment.firstBlockIndex), settings.clock),
  );
  try {
    return await judge({ settings, message, readers });
  } finally {
    for (const reader of readers) reader.close();
  }
}

export const uploadChecks: readonly ServerCheck[] = [
  {
    id: "upload-limit",
    requirements: ["PCCRR-105", "PCCRR-106", "PCCRR-107", "PCCRR-114", "PCCRR-115", "PCCRR-116"],
    level: "MUST",
    title: "answers with an empty message while it serves as many clients as it may, and serves again later",
    run: (target) =>
      whileFull(target, async ({ message, readers, settings: { clock, limit } }) => {
        const full = await blockUntil(target, clock, message, "empty");
        for (const reader of readers) reader.close();
        const free = await blockUntil(target, clock, message, "content");
        return finding(
          full === "empty" && free === "content",
          `${hexText(message)}, beside ${limit} clients that read nothing, and when they are gone`,
          `${full}, then ${free}`,
          "MSG_BLK of no bytes, then the block",
        );
      }),
  },
  {
    id: "upload-timer",
    requirements: ["PCCRR-109", "PCCRR-116"],
    level: "MUST",
    title: "gives up on clients who do not take their answer, and serves others",
    run: (target) =>
      whileFull(target, async ({ message, readers, settings }) => {
        const { clock, timerMs = 15_000 } = settings;
        const full = await blockUntil(target, clock, message, "empty");
        await clock.sleep(timerMs);
        // The slots are free again, although every client is still there.
        const free = await blockUntil(target, clock, message, "content");
        const ended = await Promise.all(readers.map((reader) => reader.readToEnd(clock, patienceMs(target))));
        // A client may hold several slots, of requests that came close together; who was refused has nothing to take.
        const left = ended.some(Boolean)
          ? readers.filter((reader, i) => !ended[i] && !reader.wasRefused).length
          : readers.length;
        return finding(
          full === "empty" && free === "content" && left === 0,
          `${readers.length} clients that read nothing for ${timerMs} ms`,
          `${full}, then ${free}; ${left} of them still connected`,
          "their connections ended, and the block for others",
        );
      }),
  },
];
