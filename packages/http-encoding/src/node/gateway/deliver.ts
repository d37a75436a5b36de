/** The origin's body to the client, as fast as the client takes it, and past the hashing if the two keep pace. */
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Clock } from "@branchcache/runtime";
import { createPatience } from "../publications/patience.ts";
import type { Tee } from "../publications/tee.ts";
import type { Upstream } from "./upstream.ts";

export interface Delivery {
  readonly upstream: Upstream;
  /** Names and values by turns; the response keeps the list. */
  readonly fields: string[];
  readonly response: ServerResponse;
  readonly clock: Clock;
  readonly tee: Tee | undefined;
  /** What a client may keep hashing waiting, taken together. */
  readonly slowClientMs: number;
  /** The origin broke off. */
  readonly onFailure: (error: Error) => void;
}

export function deliver(delivery: Delivery): void {
  const { upstream, fields, response, clock, tee, slowClientMs, onFailure } = delivery;
  const patience = tee && createPatience(clock, slowClientMs, () => tee.drop("the client is slow"));
  let begun = false;
  let ended = false;

  response.writeHead(upstream.status, upstream.statusText, fields);
  upstream.flow({
    data(bytes) {
      begun = true;
      const hashingFollows = tee?.push(bytes) ?? true;
      const roomLeft = response.write(bytes);
      if (!roomLeft) patience?.pause();
      return roomLeft && hashingFollows;
    },
    end(last) {
      ended = true;
      if (last) tee?.push(last);
      tee?.end();
      response.end(last);
    },
    error(error) {
      ended = true;
      tee?.drop("the content broke off");
      // Closing is the only way left to say that this is not all of it.
      response.destroy();
      onFailure(error);
    },
  });
  // A small answer is all here by now.
  if (ended) return;
  response.on("drain", () => {
    patience?.resume();
    if (!tee?.isFull) upstream.resume();
  });
  response.once("close", () => patience?.resume());
  tee?.whenRoom(() => {
    if (!response.writableNeedDrain) upstream.resume();
  });
  if (begun) return;
  // An origin that sends its head long before its body means it to arrive.
  setImmediate(() => {
    if (!begun && !ended && !response.destroyed) response.flushHeaders();
  });
}

export interface Replacement {
  readonly status: number;
  readonly statusText: string;
  readonly fields: string[];
  readonly body: Iterable<Uint8Array>;
}

/** Content Information in place of the content. A client that leaves is no failure. */
export async function deliverInstead(response: ServerResponse, replacement: Replacement): Promise<void> {
  const { status, statusText, fields, body } = replacement;
  response.writeHead(status, statusText, fields);
  await pipeline(Readable.from(body), response).catch(() => {});
}
