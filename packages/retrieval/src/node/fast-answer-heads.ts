import type { Clock } from "@branchcache/runtime";

/** Heads of HTTP answers, as `node:http` writes them. RFC 9110 6.6.1, RFC 9112 */
export class AnswerHeads {
  readonly #clock: Clock;
  readonly #keepAlive: string;
  #second = Number.NaN;
  #date = "";
  #lengthBytes = -1;
  /** That of the last answer serves as long as neither length nor date is another. */
  #head: Buffer = Buffer.alloc(0);

  /** `idleTimeoutMs`: how long a connection is kept for a further request; 0 for ever. */
  constructor(clock: Clock, idleTimeoutMs: number) {
    this.#clock = clock;
    const seconds = Math.floor(idleTimeoutMs / 1_000);
    this.#keepAlive = `Connection: keep-alive\r\n${seconds > 0 ? `Keep-Alive: timeout=${seconds}\r\n` : ""}`;
  }

  /** Before a message of that length. Not to be changed. */
  of(lengthBytes: number): Buffer {
    if (!this.#newSecond() && lengthBytes === this.#lengthBytes) return this.#head;
    this.#lengthBytes = lengthBytes;
    const fields = `Content-Type: application/octet-stream\r\nContent-Length: ${lengthBytes}\r\n`;
    this.#head = Buffer.from(
      `HTTP/1.1 200 OK\r\n${fields}Date: ${this.#date}\r\n${this.#keepAlive}\r\n`,
      "latin1",
    );
    return this.#head;
  }

  /** A whole answer, after which the connection ends. */
  refusal(): Buffer {
    this.#newSecond();
    const fields = `Content-Length: 0\r\nConnection: close\r\nDate: ${this.#date}\r\n`;
    return Buffer.from(`HTTP/1.1 400 Bad Request\r\n${fields}\r\n`, "latin1");
  }

  #newSecond(): boolean {
    const second = Math.floor(this.#clock.wallMs() / 1_000);
    if (second === this.#second) return false;
    this.#second = second;
    this.#date = new Date(second * 1_000).toUTCString();
    return true;
  }
}
