/** The origin's body to the client, as fast as the client takes it, and past the hashing if it keeps up. */
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Clock } from "@branchcache/runtime";
import { createPatience } from "../patience.ts";
import type { Tee } from "../tee.ts";
import type { Upstream } from "./upstream.ts";

export interface Delivery {
  readonly upstream: Upstream;
  readonly fields: readonly string[];
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

  response.on("drain", () => {
    patience?.resume();
    upstream.resume();
  });
  response.once("close", () => patience?.resume());
  response.writeHead(upstream.status, upstream.statusText, [...fields]);
  upstream.flow({
    data(bytes) {
      begun = true;
      tee?.push(bytes);
      const roomLeft = response.write(bytes);
      if (!roomLeft) patience?.pause();
      return roomLeft;
    },
    end() {
      begun = true;
      tee?.end();
      response.end();
    },
    error(error) {
      begun = true;
      tee?.drop("the content broke off");
      // Closing is the only way left to say that this is not all of it.
      response.destroy();
      onFailure(error);
    },
  });
  // An origin that sends its head long before its body means it to arrive.
  setImmediate(() => {
    if (!begun && !response.destroyed) response.flushHeaders();
  });
}

export interface Replacement {
  readonly status: number;
  readonly statusText: string;
  readonly fields: readonly string[];
  readonly body: Iterable<Uint8Array>;
}

/** Content Information in place of the content. A client that leaves is no failure. */
export async function deliverInstead(response: ServerResponse, replacement: Replacement): Promise<void> {
  const { status, statusText, fields, body } = replacement;
  response.writeHead(status, statusText, [...fields]);
  await pipeline(Readable.from(body), response).catch(() => {});
}
