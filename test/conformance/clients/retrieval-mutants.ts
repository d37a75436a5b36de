/** Clients of peers with one thing wrong, and the check that has to tell. */
import type { HttpPort, HttpPostOptions, HttpPostResponse } from "@branchcache/runtime";
import { concatBytes, formatEndpoint } from "@branchcache/runtime";
import type { Mutant } from "./mutant.ts";
import type { Mutation } from "./test-client.ts";

type Post = (path: string, body: Uint8Array, options: HttpPostOptions) => Promise<HttpPostResponse>;

/** Changes what leaves for a peer, or what is made of its answer. */
const posting =
  (change: (post: Post) => Post): NonNullable<Mutation["http"]> =>
  (real: HttpPort) => ({
    connect(server) {
      const connection = real.connect(server);
      const post = change((path, body, options) => connection.post(path, body, options));
      return {
        get closed() {
          return connection.closed;
        },
        post,
        close: () => connection.close(),
      };
    },
  });

const sending = (change: (body: Uint8Array, view: DataView) => Uint8Array) =>
  posting((post) => (path, body, options) => {
    const copy = body.slice();
    return post(path, change(copy, new DataView(copy.buffer)), options);
  });

/** The answer as it came, turned into what the real client takes for good. */
const taking = (change: (body: Uint8Array, view: DataView, request: Uint8Array) => Uint8Array) =>
  posting((post) => async (path, body, options) => {
    const request = body.slice();
    const response = await post(path, body, { ...options, keepBody: true });
    const copy = response.body.slice();
    return { ...response, body: change(copy, new DataView(copy.buffer), request) };
  });

/** Of an answer, behind Size: its type, and what follows the header. */
const ANSWER_TYPE_AT = 8;
const ANSWER_BODY_AT = 20;
const isAnswer = (view: DataView, type: number) =>
  view.byteLength > ANSWER_BODY_AT && view.getUint32(ANSWER_TYPE_AT) === type;

/** Puts back what the request named. */
const restoreId = (body: Uint8Array, request: Uint8Array) => {
  body.set(request.subarray(20, 20 + ID_BYTES), ANSWER_BODY_AT + 4);
  return body;
};

/** Everything that a browser's HTTP client does by itself. */
const overFetch: NonNullable<Mutation["http"]> = () => ({
  connect(server) {
    const closing = new AbortController();
    return {
      closed: false,
      async post(path, body) {
        const url = `http://${formatEndpoint(server)}${path}`;
        const response = await fetch(url, { method: "POST", body: body.slice(), signal: closing.signal });
        return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
      },
      close: () => closing.abort(),
    };
  },
});

/** What was dropped is asked on. */
const stubborn: NonNullable<Mutation["http"]> = (real) => ({
  connect(server) {
    const connection = real.connect(server);
    let last:
      | { readonly path: string; readonly body: Uint8Array; readonly options: HttpPostOptions }
      | undefined;
    return {
      get closed() {
        return connection.closed;
      },
      post(path, body, options) {
        last = { path, body: body.slice(), options: { maxBodyBytes: options.maxBodyBytes } };
        return connection.post(path, body, options);
      },
      close() {
        connection.close();
        const again = real.connect(server);
        for (let i = 0; last && i < 20; i++) again.post(last.path, last.body, last.options).catch(() => {});
      },
    };
  },
});

const TYPE_AT = 4;
const CIPHER_AT = 12;
const SIZE_AT = 8;
const ID_BYTES = 32;
/** Of a request, behind header, length and identifier: RangeCount, then Index and Count of each. */
const RANGES_AT = 16 + 4 + ID_BYTES;
const isGetBlocks = (view: DataView) => view.getUint32(TYPE_AT) === 3;

export const RETRIEVAL_MUTANTS: readonly Mutant[] = [
  {
    name: "writes the version major word first",
    caught: "version-words",
    mutation: {
      http: sending((body, view) => {
        view.setUint32(0, 0x0001_0000);
        return body;
      }),
    },
  },
  {
    name: "posts to a path without its last slash",
    caught: "post-to-path",
    mutation: { http: posting((post) => (path, body, options) => post(path.slice(0, -1), body, options)) },
  },
  {
    name: "puts bytes behind its message",
    caught: "one-message",
    mutation: { http: sending((body) => concatBytes(body, new Uint8Array(4))) },
  },
  {
    name: "counts the wrong size",
    caught: "one-message",
    mutation: {
      http: sending((body, view) => {
        view.setUint32(SIZE_AT, body.length - 16);
        return body;
      }),
    },
  },
  {
    name: "prefers AES-256",
    caught: "prefers-aes-128",
    mutation: {
      http: sending((body, view) => {
        view.setUint32(CIPHER_AT, 3);
        return body;
      }),
    },
  },
  {
    name: "asks for two blocks at once",
    caught: "one-block-a-request",
    mutation: {
      http: sending((body, view) => {
        if (isGetBlocks(view)) view.setUint32(RANGES_AT + 8, 2);
        return body;
      }),
    },
  },
  {
    name: "asks for blocks that the content does not have",
    caught: "held-blocks-only",
    mutation: {
      http: sending((body, view) => {
        if (isGetBlocks(view)) view.setUint32(RANGES_AT + 4, view.getUint32(RANGES_AT + 4) + 100);
        return body;
      }),
    },
  },
  {
    name: "asks for ranges out of order",
    caught: "ranges-sorted",
    mutation: {
      http: sending((body, view) => {
        if (isGetBlocks(view)) return body;
        const ranges = new Uint8Array(8 + 12);
        const added = new DataView(ranges.buffer);
        const changed = concatBytes(body, ranges.subarray(0, 8));
        added.setUint32(0, 2);
        const after = new DataView(changed.buffer);
        after.setUint32(SIZE_AT, changed.length);
        after.setUint32(RANGES_AT, 2);
        after.setUint32(RANGES_AT + 12, 0);
        after.setUint32(RANGES_AT + 16, 1);
        return changed;
      }),
    },
  },
  {
    name: "sends two requests before the first answer",
    caught: "one-request-at-first",
    mutation: {
      http: posting((post) => (path, body, options) => {
        post(path, body.slice(), options).catch(() => {});
        return post(path, body, options);
      }),
    },
  },
  {
    name: "takes bytes that fail their hash",
    caught: "wrong-bytes",
    mutation: { credulous: true },
  },
  {
    name: "goes on asking who lied",
    caught: "wrong-bytes",
    mutation: { http: stubborn },
  },
  {
    name: "does not look at Size",
    caught: "wrong-size",
    mutation: {
      http: taking((body, view) => {
        if (body.length > 4) view.setUint32(0, body.length - 4);
        return body;
      }),
    },
  },
  {
    name: "reads a message and no further",
    caught: "junk-behind-message",
    mutation: {
      http: taking((body, view) => (body.length > 4 ? body.subarray(0, view.getUint32(0) + 4) : body)),
    },
  },
  {
    name: "does not look at the index of a block",
    caught: "wrong-index",
    mutation: {
      http: taking((body, view, request) => {
        if (!isAnswer(view, 5)) return body;
        body.set(request.subarray(RANGES_AT + 4, RANGES_AT + 8), ANSWER_BODY_AT + 4 + ID_BYTES);
        return body;
      }),
    },
  },
  {
    name: "does not look at the segment of a block",
    caught: "wrong-segment",
    mutation: {
      http: taking((body, view, request) => (isAnswer(view, 5) ? restoreId(body, request) : body)),
    },
  },
  {
    name: "believes a list of another segment",
    caught: "list-of-other-segment",
    mutation: {
      http: taking((body, view, request) => (isAnswer(view, 4) ? restoreId(body, request) : body)),
    },
  },
  {
    name: "sends its request again as often as it is told that versions differ",
    caught: "negotiation-loop",
    mutation: {
      http: posting((post) => async (path, body, options) => {
        const request = body.slice();
        for (let i = 0; i < 3; i++) await post(path, request.slice(), options);
        return post(path, request, options);
      }),
    },
  },
  {
    name: "takes MSG_NEGO_RESP for a failure",
    caught: "negotiation-resend",
    mutation: {
      http: taking((body, view) => (isAnswer(view, 1) ? new Uint8Array(0) : body)),
    },
  },
  {
    name: "waits for ever",
    caught: "no-answer-in-time",
    mutation: {
      node: { retrieval: { requestTimeoutMs: 1_000_000, blockTimeoutMs: 1_000_000 } },
      patienceMs: 1_500,
    },
  },
  {
    name: "follows redirects",
    caught: "redirect",
    mutation: { http: overFetch },
  },
];
