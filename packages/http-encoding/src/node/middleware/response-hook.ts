/**
 * Stands between a `node:http` handler and its response: the head is judged before it leaves, and the
 * body then goes out as the handler writes it, or is dropped for another one.
 */
import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { HeaderChanges } from "../../server/answer-headers.ts";
import type { PlainAnswer } from "../../server/decision.ts";

export type Verdict =
  | {
      readonly kind: "pass";
      readonly changes: HeaderChanges;
      /** Gets a copy of the body as it passes. */
      readonly copy?: BodyCopy;
    }
  | { readonly kind: "replace"; readonly changes: HeaderChanges; readonly body: Iterable<Uint8Array> };

export interface BodyCopy {
  /** The bytes are the receiver's own. False: no more until there is room. */
  push(bytes: Uint8Array): boolean;
  isFull(): boolean;
  whenRoom(listener: () => void): void;
  /** The response takes no more for now, or takes more again. */
  pause(): void;
  resume(): void;
  end(): void;
}

/** Judges the head of an answer. A promise that rejects counts as `pass` without changes. */
export type Judge = (head: PlainAnswer) => Verdict | Promise<Verdict>;

type Chunk = string | Uint8Array;
type Callback = (error?: Error | null) => void;
type State = "open" | "judging" | "passing" | "replaced";

/**
 * Hooks one response, before its handler runs. While the judge is at work, writes are queued and report
 * a full buffer, so that a piped source stops after its first chunk. When the body is replaced, piped
 * sources are cut off and destroyed once the answer is out; writes of other handlers are dropped.
 */
export function hookResponse(response: ServerResponse, judge: Judge): void {
  const writeHead = response.writeHead.bind(response) as (
    status: number,
    ...rest: unknown[]
  ) => ServerResponse;
  const writeOriginal = response.write.bind(response) as (...args: unknown[]) => boolean;
  const endOriginal = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
  const flushHeaders = response.flushHeaders.bind(response);
  const sources = new Set<Readable>();
  const queue: { chunk: Chunk; encoding: BufferEncoding; done: Callback | undefined }[] = [];
  let state: State = "open";
  let ended = false;
  let headGiven = false;
  let flushWanted = false;
  let forwarding = false;
  let copy: BodyCopy | undefined;

  const keep = (chunk: Chunk, encoding: BufferEncoding): boolean => {
    if (!copy) return true;
    // Whoever wrote it may use the buffer again.
    return copy.push(typeof chunk === "string" ? Buffer.from(chunk, encoding) : Uint8Array.from(chunk));
  };

  const write = (chunk: Chunk, encoding: BufferEncoding, done?: Callback): boolean => {
    const copyFollows = keep(chunk, encoding);
    const roomLeft = writeOriginal(chunk, encoding, done);
    if (!roomLeft) copy?.pause();
    return roomLeft && copyFollows;
  };

  const end = (chunk?: Chunk | null, encoding: BufferEncoding = "utf8", done?: () => void): void => {
    if (chunk !== undefined && chunk !== null) keep(chunk, encoding);
    copy?.end();
    endOriginal(chunk, encoding, done);
  };

  const forward = <T>(call: () => T): T => {
    forwarding = true;
    try {
      return call();
    } finally {
      forwarding = false;
    }
  };

  const settle = (verdict: Verdict): void => {
    Reflect.deleteProperty(response, "headersSent");
    if (response.destroyed) {
      state = "replaced";
      stopSources();
      return;
    }
    for (const [name, value] of Object.entries(verdict.changes)) {
      if (value === undefined) response.removeHeader(name);
      else response.setHeader(name, value);
    }
    if (verdict.kind === "replace") {
      replace(verdict.body);
      return;
    }
    if (verdict.copy) {
      copy = verdict.copy;
      followCopy(response, copy);
    }
    pass();
  };

  const pass = (): void => {
    const waited = state === "judging";
    state = "passing";
    if (headGiven) writeHead(response.statusCode);
    if (flushWanted) flushHeaders();
    let roomLeft = true;
    for (const { chunk, encoding, done } of queue.splice(0)) {
      roomLeft = write(chunk, encoding);
      if (done) process.nextTick(done);
    }
    if (ended) end();
    else if (waited && roomLeft) response.emit("drain");
  };

  const replace = (body: Iterable<Uint8Array>): void => {
    state = "replaced";
    for (const { done } of queue.splice(0)) if (done) process.nextTick(done);
    for (const source of sources) source.unpipe(response);
    response.once("close", stopSources);
    response.once("finish", stopSources);
    send(body).catch((error: Error) => response.destroy(error));
  };

  const send = async (body: Iterable<Uint8Array>): Promise<void> => {
    for (const part of body) {
      if (response.destroyed) return;
      const roomLeft = forward(() => writeOriginal(part));
      if (!roomLeft) await drained(response);
    }
    forward(() => endOriginal());
  };

  const stopSources = (): void => {
    for (const source of sources) source.destroy();
    sources.clear();
  };

  const judgeHead = (): void => {
    const verdict = judge({ status: response.statusCode, headers: response.getHeaders() });
    if (!(verdict instanceof Promise)) {
      settle(verdict);
      return;
    }
    state = "judging";
    // The handler has sent its head as far as it knows.
    Object.defineProperty(response, "headersSent", { configurable: true, value: true });
    verdict.then(settle, () => settle({ kind: "pass", changes: {} }));
  };

  response.on("pipe", (source: Readable) => {
    sources.add(source);
    if (state !== "replaced") return;
    // Only after `pipe` has set the source flowing.
    process.nextTick(() => {
      source.unpipe(response);
      source.destroy();
    });
  });
  response.on("unpipe", (source: Readable) => {
    if (state !== "replaced") sources.delete(source);
  });

  const hooked = {
    writeHead(status: number, ...rest: unknown[]): ServerResponse {
      if (state === "passing" || forwarding || status < 200) return writeHead(status, ...rest);
      if (state !== "open") return response;
      const [reason, fields] = typeof rest[0] === "string" ? rest : [undefined, rest[0] ?? rest[1]];
      response.statusCode = status;
      if (typeof reason === "string") response.statusMessage = reason;
      setFields(response, fields as OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined);
      headGiven = true;
      judgeHead();
      return response;
    },

    write(chunk: Chunk, encoding?: BufferEncoding | Callback, done?: Callback): boolean {
      if (state === "open") judgeHead();
      const callback = typeof encoding === "function" ? encoding : done;
      const charset = typeof encoding === "string" ? encoding : "utf8";
      if (state === "judging") {
        queue.push({ chunk, encoding: charset, done: callback });
        return false;
      }
      if (state === "passing") return write(chunk, charset, callback);
      if (callback) process.nextTick(callback);
      return true;
    },

    end(...args: unknown[]): ServerResponse {
      const callback = args.find((arg) => typeof arg === "function") as (() => void) | undefined;
      const chunk = typeof args[0] === "function" ? undefined : (args[0] as Chunk | null | undefined);
      const encoding = typeof args[1] === "string" ? (args[1] as BufferEncoding) : "utf8";
      if (state === "open") {
        declareLength(response, chunk, encoding);
        judgeHead();
      }
      if (state === "passing") {
        end(chunk, encoding, callback);
        return response;
      }
      if (callback) {
        if (response.writableFinished) process.nextTick(callback);
        else response.once("finish", callback);
      }
      if (state === "judging") {
        if (chunk !== undefined && chunk !== null) queue.push({ chunk, encoding, done: undefined });
        ended = true;
      }
      return response;
    },

    flushHeaders(): void {
      if (state === "open") judgeHead();
      if (state === "passing") flushHeaders();
      else flushWanted = true;
    },
  };
  Object.assign(response, hooked);
}

/** Whoever writes waits for the copy as for the client: `drain` comes when both have room. */
function followCopy(response: ServerResponse, copy: BodyCopy): void {
  const emit = response.emit.bind(response) as (name: string | symbol, ...args: unknown[]) => boolean;
  response.emit = (name: string | symbol, ...args: unknown[]): boolean => {
    if (name !== "drain") return emit(name, ...args);
    copy.resume();
    return copy.isFull() || emit(name, ...args);
  };
  copy.whenRoom(() => {
    if (!response.writableNeedDrain && !response.writableEnded) emit("drain");
  });
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

/** What Node would work out for itself, but only after the head was judged. */
function declareLength(response: ServerResponse, chunk: Chunk | null | undefined, encoding: BufferEncoding) {
  if (chunk === undefined || chunk === null || chunk.length === 0) return;
  if (response.hasHeader("content-length") || response.hasHeader("transfer-encoding")) return;
  response.setHeader("Content-Length", Buffer.byteLength(chunk as string, encoding));
}

/** The fields given to `writeHead`: an object, or a flat list of names and values that may repeat. */
function setFields(
  response: ServerResponse,
  fields: OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined,
): void {
  if (Array.isArray(fields)) {
    for (let i = 0; i < fields.length; i += 2) response.removeHeader(String(fields[i]));
    for (let i = 0; i + 1 < fields.length; i += 2) {
      response.appendHeader(String(fields[i]), fields[i + 1] as string | string[]);
    }
    return;
  }
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (value !== undefined) response.setHeader(name, value);
  }
}
