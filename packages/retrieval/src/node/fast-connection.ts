/** One client whose requests all have the shape that clients usually send, so far. [MS-PCCRR] 2.1.1, 3.2.5 */
import type { Socket } from "node:net";
import type { CancelTimer } from "@branchcache/runtime";
import type { RetrievalAnswer, RetrievalServer } from "../server/server.ts";
import { AnswerHeads } from "./fast-answer-heads.ts";
import { fastBodyBytes, MAX_FAST_HEAD_BYTES, mayBeFast } from "./fast-request-head.ts";

export interface FastConnectionOptions {
  readonly retrieval: RetrievalServer;
  /** Until the first byte; 0 for ever. */
  readonly firstTimeoutMs: number;
  /** Between an answer and the next request; 0 for ever. */
  readonly idleTimeoutMs: number;
  readonly onClose: () => void;
  /** Called once, when the socket is another's: what was not answered is there to be read again. */
  readonly handOver: () => void;
}

/** A request under way; answers leave in the order of their requests. */
interface Pending {
  answer: RetrievalAnswer | undefined;
}

type State =
  | "open"
  /** A request of another shape waits for the answers to those before it. */
  | "handing over"
  /** No more is read: the client has sent all that it will, or its answer ends the connection. */
  | "ending"
  | "over";

/** Requests under way, before further ones wait. Clients keep no more than 8. */
const MAX_UNDER_WAY = 16;
const END_OF_HEAD = "\r\n\r\n";
const NOTHING = Buffer.alloc(0);

export class FastConnection {
  readonly #socket: Socket;
  readonly #options: FastConnectionOptions;
  readonly #from: string;
  readonly #heads: AnswerHeads;
  readonly #pending: Pending[] = [];
  /** Of answers that were given to the socket and have not left. */
  readonly #leaving = new Set<() => void>();
  #state: State = "open";
  #unread: Buffer = NOTHING;
  #flushing = false;
  #cancelTimer: CancelTimer | undefined;
  /** Clients send the same head again and again. */
  #lastHead: Buffer = NOTHING;
  #lastBodyBytes = 0;

  constructor(socket: Socket, options: FastConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#from = socket.remoteAddress ?? "";
    this.#heads = new AnswerHeads(options.retrieval.clock, options.idleTimeoutMs);
    socket.setTimeout(options.firstTimeoutMs);
    socket.on("timeout", this.#onTimeout);
    socket.on("data", this.#onData);
    socket.on("drain", this.#read);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#drop);
    socket.on("close", this.#onClose);
  }

  /** Nothing was asked for, in whole or in part, that has not been answered. */
  get idle(): boolean {
    return this.#pending.length === 0 && this.#leaving.size === 0 && this.#unread.length === 0;
  }

  /** Reads no more requests; the answers to those that were read leave, and then the connection ends. */
  end(): void {
    if (this.#state === "open") {
      this.#state = "ending";
      this.#unread = NOTHING;
      this.#limitWait();
    }
    this.#leave();
  }

  close(): void {
    this.#socket.destroy();
  }

  readonly #drop = (): void => this.close();

  /** A request that has begun, and an answer that has not left, have the upload timer instead. */
  readonly #onTimeout = (): void => {
    if (this.idle) this.close();
  };

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state === "ending" || this.#state === "over") return;
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    this.#read();
  };

  readonly #onEnd = (): void => this.end();

  readonly #onClose = (): void => {
    this.#state = "over";
    this.#cancelTimer?.();
    for (const done of this.#leaving) done();
    for (const { answer } of this.#pending) finish(answer);
    this.#options.onClose();
  };

  readonly #read = (): void => {
    while (this.#state === "open" && this.#unread.length > 0) {
      if (this.#pending.length >= MAX_UNDER_WAY || this.#socket.writableNeedDrain) {
        this.#socket.pause();
        return;
      }
      const body = this.#nextBody();
      if (!body) break;
      this.#handle(body);
    }
    this.#limitWait();
    if (this.#state === "open") this.#socket.resume();
    else {
      // What comes meanwhile stays with the system.
      if (this.#state === "handing over") this.#socket.pause();
      this.#leave();
    }
  };

  /** The body of the next request; undefined while it is not all there, or if it is not for us. */
  #nextBody(): Buffer | undefined {
    const unread = this.#unread;
    if (!startsWith(unread, this.#lastHead)) {
      const end = unread.subarray(0, MAX_FAST_HEAD_BYTES).indexOf(END_OF_HEAD);
      if (end < 0 && mayBeFast(unread)) return undefined;
      const bodyBytes = end < 0 ? undefined : fastBodyBytes(unread.toString("latin1", 0, end));
      if (bodyBytes === undefined) {
        this.#state = "handing over";
        return undefined;
      }
      this.#lastHead = Buffer.from(unread.subarray(0, end + END_OF_HEAD.length));
      this.#lastBodyBytes = bodyBytes;
    }
    const start = this.#lastHead.length;
    const end = start + this.#lastBodyBytes;
    if (unread.length < end) return undefined;
    this.#unread = unread.subarray(end);
    return unread.subarray(start, end);
  }

  /** The upload timer of a request runs from its first byte. [MS-PCCRR] 3.2.2 */
  #limitWait(): void {
    if (this.#state !== "open" || this.#unread.length === 0) {
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
      return;
    }
    const { clock, uploadTimeoutMs } = this.#options.retrieval;
    this.#cancelTimer ??= clock.after(uploadTimeoutMs, this.#drop);
  }

  #handle(body: Buffer): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const pending: Pending = { answer: undefined };
    this.#pending.push(pending);
    void this.#options.retrieval.handle(body, this.#from, this.#drop).then((answer) => {
      pending.answer = answer;
      if (this.#state === "over" || !this.#pending.includes(pending)) finish(answer);
      else if (pending === this.#pending[0] && !this.#flushing) {
        this.#flushing = true;
        // After all microtasks: requests that came together are often answered together.
        process.nextTick(this.#flush);
      }
    });
  }

  /** Everything that is ready leaves in one gathering write, blocks uncopied. */
  readonly #flush = (): void => {
    this.#flushing = false;
    if (this.#state === "over") return;
    const pieces: Uint8Array[] = [];
    const sent: (() => void)[] = [];
    for (let answer = this.#pending[0]?.answer; answer; answer = this.#pending[0]?.answer) {
      this.#pending.shift();
      if (answer.kind === "dropped") {
        this.close();
        break;
      }
      if (answer.kind === "malformed") {
        pieces.push(this.#heads.refusal());
        for (const each of this.#pending.splice(0)) finish(each.answer);
        this.#state = "ending";
        break;
      }
      pieces.push(this.#heads.of(answer.lengthBytes), ...answer.parts);
      sent.push(answer.done);
      this.#leaving.add(answer.done);
    }
    this.#write(pieces, sent);
    if (this.#state === "open") this.#read();
    else this.#leave();
  };

  #write(pieces: readonly Uint8Array[], sent: readonly (() => void)[]): void {
    const socket = this.#socket;
    const onSent = (): void => {
      for (const done of sent) {
        this.#leaving.delete(done);
        done();
      }
      this.#leave();
    };
    socket.cork();
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]!;
      if (i < pieces.length - 1) socket.write(piece);
      else socket.write(piece, onSent);
    }
    socket.uncork();
    socket.setTimeout(this.#options.idleTimeoutMs);
  }

  /** Ends the connection or hands it over, if that is due and every answer has left. */
  #leave(): void {
    if (this.#pending.length > 0 || this.#leaving.size > 0) return;
    const socket = this.#socket;
    if (this.#state === "ending") {
      this.#state = "over";
      // A client that goes on sending gets no more of our memory, or time.
      socket.destroySoon();
    } else if (this.#state === "handing over") {
      this.#state = "over";
      socket.pause();
      socket.setTimeout(0);
      socket.off("timeout", this.#onTimeout);
      socket.off("data", this.#onData);
      socket.off("drain", this.#read);
      socket.off("end", this.#onEnd);
      socket.off("close", this.#onClose);
      socket.unshift(this.#unread);
      this.#options.handOver();
      socket.off("error", this.#drop);
      socket.resume();
    }
  }
}

function startsWith(bytes: Buffer, head: Buffer): boolean {
  return (
    head.length > 0 &&
    bytes.length >= head.length &&
    bytes.compare(head, 0, head.length, 0, head.length) === 0
  );
}

function finish(answer: RetrievalAnswer | undefined): void {
  if (answer?.kind === "message") answer.done();
}
