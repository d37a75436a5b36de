/** Clients of peers with one thing wrong, and the check that has to tell. */
import { readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { parseResponse } from "@branchcache/retrieval";
import type { HttpPostOptions, HttpPostResponse, HttpPort } from "@branchcache/runtime";
import { concatBytes } from "@branchcache/runtime";
import type { Mutation } from "./test-client.ts";

export interface Mutant {
  /** Completes "a client that". */
  readonly name: string;
  readonly caught: string;
  readonly mutation: Mutation;
}

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
const taking = (change: (body: Uint8Array, view: DataView) => Uint8Array) =>
  posting((post) => async (path, body, options) => {
    const response = await post(path, body, { ...options, keepBody: true });
    const copy = response.body.slice();
    return { ...response, body: change(copy, new DataView(copy.buffer)) };
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
];
