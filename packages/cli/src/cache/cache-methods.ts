/** A managed cache over the socket for administration: what the daemon answers, and how a command asks. */
import type { SegmentSummary } from "@branchcache/cache-store";
import type { SegmentId } from "@branchcache/content-info";
import { BranchCacheError } from "@branchcache/runtime";
import { z } from "zod";
import { ControlClient, isOutOfReach } from "../control/client.ts";
import { readParams } from "../control/params.ts";
import type { ControlCall, ControlMethod } from "../control/server.ts";
import type { ManagedCache, VerifyProgress, VerifyReport } from "./managed-cache.ts";

/** Segments of a listing in one message. */
const LISTED_TOGETHER = 500;

const bytes = z.instanceof(Uint8Array);
const limit = z.strictObject({ limitBytes: z.number().optional(), limitPercent: z.number().optional() });
const settings = z.strictObject({
  ...limit.shape,
  maxAgeMs: z.number().optional(),
  publicationLimitBytes: z.number().optional(),
});
const which = z.strictObject({ tag: z.string().optional(), pinned: z.boolean().optional() });
const path = z.string().min(1);

/** By the names that `daemonCache` uses. `cache`: the daemon's, once it has one. */
export function cacheMethods(cache: () => ManagedCache): Readonly<Record<string, ControlMethod>> {
  const read = (run: (cache: ManagedCache, call: ControlCall) => unknown): ControlMethod => ({
    rights: "read",
    run: (call) => run(cache(), call),
  });
  const change = <Params>(
    params: z.ZodType<Params>,
    run: (cache: ManagedCache, params: Params, call: ControlCall) => unknown,
  ): ControlMethod => ({
    rights: "full",
    run: (call) => run(cache(), readParams(params, call.params), call),
  });
  return {
    "cache-places": read(({ places }) => places),
    "cache-usage": read(({ blocks }) => blocks.usage()),
    "cache-limits": read(({ blocks }) => blocks.limits()),
    "cache-statistics": read(({ blocks }) => blocks.statistics()),
    "cache-hash-usage": read((one) => one.hashUsage()),
    "cache-list": read(async ({ blocks }, { send, signal }) => {
      let together: SegmentSummary[] = [];
      for await (const segment of blocks.list()) {
        if (signal.aborted) return;
        if (together.push(segment) < LISTED_TOGETHER) continue;
        await send(together);
        together = [];
      }
      await send(together);
    }),
    "cache-remove-segment": change(bytes, ({ blocks }, id) => blocks.removeSegment(id as SegmentId)),
    "cache-remove-all": change(which, ({ blocks }, { tag, pinned = false }) =>
      blocks.removeAll(tag === undefined ? { pinned } : { tag, pinned }),
    ),
    "cache-forget-hashes": change(z.undefined(), (one) => one.forgetHashes()),
    "cache-set": change(settings, (one, given) => one.onDisk().set(withoutUndefined(given))),
    "cache-add": change(z.strictObject({ path, limit }), (one, { path: directory, limit: given }) =>
      one.onDisk().addExtension(directory, withoutUndefined(given)),
    ),
    "cache-remove": change(path, (one, directory) => one.onDisk().removeExtension(directory)),
    "cache-compact": change(z.undefined(), (one) => one.onDisk().compact()),
    "cache-verify": change(z.undefined(), (one, _params, { signal, send }) =>
      one.verify(signal, ({ segments, blocks, bytes: read }) => send({ segments, blocks, bytes: read })),
    ),
  };
}

type WithoutUndefined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

function withoutUndefined<T extends object>(given: T): WithoutUndefined<T> {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as WithoutUndefined<T>;
}

/**
 * The cache in this directory, through the daemon that has it open; undefined if none does that this user may ask.
 * Errors: what the daemon says, under its code, as `BC_DENIED` for who may only read.
 */
export async function daemonCache(
  directory: string,
  controlSocket: string | undefined,
): Promise<ManagedCache | undefined> {
  let client: ControlClient;
  try {
    client = await ControlClient.connect(controlSocket);
  } catch (error) {
    // A user who may not speak to the daemon may still have a cache of their own; file permissions decide.
    if (isOutOfReach(error)) return undefined;
    throw error;
  }
  const close = () => client[Symbol.asyncDispose]();
  const ask = <Result>(method: string, params?: unknown) => client.request<Result>(`cache-${method}`, params);
  const places = await ask<readonly string[]>("places").catch(async (error: unknown) => {
    await close();
    throw error;
  });
  if (places[0] !== directory) {
    await close();
    return undefined;
  }
  return {
    places,
    blocks: {
      usage: () => ask("usage"),
      limits: () => ask("limits"),
      statistics: () => ask("statistics"),
      async *list() {
        const parts: (readonly SegmentSummary[])[] = [];
        await client.request("cache-list", undefined, (item) =>
          parts.push(item as readonly SegmentSummary[]),
        );
        for (const part of parts) yield* part;
      },
      removeSegment: (id) => ask("remove-segment", id),
      removeAll: ({ tag, pinned } = {}) => ask("remove-all", withoutUndefined({ tag, pinned })),
    },
    onDisk: () => ({
      set: (given) => ask("set", given),
      addExtension: (path, limit = {}) => ask("add", { path, limit }),
      removeExtension: (path) => ask("remove", path),
      compact: () => ask("compact"),
      moveTo: () => {
        throw new BranchCacheError(
          "BC_DAEMON_RUNS",
          "the daemon uses this cache: stop it, move the cache, set cache.data.path to the new place, and start it again",
        );
      },
    }),
    hashUsage: () => ask("hash-usage"),
    forgetHashes: () => ask("forget-hashes"),
    setAge: (maxAgeMs) => ask("set", { maxAgeMs }),
    verify: (signal, onProgress) => {
      signal.addEventListener("abort", () => void close(), { once: true });
      return client.request<VerifyReport>("cache-verify", undefined, (item) =>
        onProgress?.(item as VerifyProgress),
      );
    },
    close,
  };
}
