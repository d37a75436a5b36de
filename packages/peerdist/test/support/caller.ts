/** A program that uses the functions, with its little helpers. */
import { toHex } from "@branchcache/runtime";
import {
  type CompletionPort,
  createPeerDist,
  ERROR_IO_PENDING,
  ERROR_SUCCESS,
  type Out,
  Overlapped,
  type PEERDIST_CONTENT_HANDLE,
  type PEERDIST_CONTENTINFO_HANDLE,
  type PEERDIST_INSTANCE_HANDLE,
  PEERDIST_READ_TIMEOUT_LOCAL_CACHE_ONLY,
  type PEERDIST_STREAM_HANDLE,
  PEERDIST_VERSION,
  type PeerDistFunctions,
  type PeerDistServiceOptions,
} from "../../src/index.ts";
import { type Branch, content, engine, information, startBranch } from "./branch.ts";
import type { ServedService, TransportUnderTest } from "./transports.ts";

export const TAG = { Data: new Uint8Array(16).fill(0x54) };
export const OTHER_TAG = { Data: new Uint8Array(16).fill(0x55) };

/** Stands for many bytes where a test compares them. */
export function digest(bytes: Uint8Array): string {
  return toHex(engine.hash("sha256", bytes));
}

export interface Ended {
  readonly ok: boolean;
  readonly error: number;
  readonly bytes: number | undefined;
  readonly offset: bigint;
}

export class Caller {
  readonly api: PeerDistFunctions;
  readonly instance: PEERDIST_INSTANCE_HANDLE;

  private constructor(api: PeerDistFunctions, instance: PEERDIST_INSTANCE_HANDLE) {
    this.api = api;
    this.instance = instance;
  }

  static async start(api: PeerDistFunctions): Promise<Caller> {
    const out: Out<PEERDIST_INSTANCE_HANDLE> = {};
    const code = await api.PeerDistStartup(PEERDIST_VERSION, out);
    if (code !== ERROR_SUCCESS || !out.value) throw new Error(`startup: ${code}`);
    return new Caller(api, out.value);
  }

  /** Waits for the operation. */
  async result(overlapped: Overlapped): Promise<Ended> {
    const bytes: Out<number> = {};
    const ok = await this.api.PeerDistGetOverlappedResult(overlapped, bytes, true);
    return { ok, error: this.api.GetLastError(overlapped), bytes: bytes.value, offset: overlapped.offset };
  }

  /** Submits, expects it to be accepted, and waits. */
  async run(submit: (overlapped: Overlapped) => Promise<number>, offset = 0n): Promise<Ended> {
    const overlapped = new Overlapped({ offset });
    const code = await submit(overlapped);
    if (code !== ERROR_IO_PENDING) throw new Error(`not accepted: ${code}`);
    return this.result(overlapped);
  }

  async publishStream(identifier: string, lengthBytes = 0n, port?: CompletionPort, key?: unknown) {
    const out: Out<PEERDIST_STREAM_HANDLE> = {};
    const id = new TextEncoder().encode(identifier);
    const code = await this.api.PeerDistServerPublishStream(
      this.instance,
      id.length,
      id,
      lengthBytes,
      null,
      port,
      key,
      out,
    );
    return { code, handle: out.value };
  }

  add(handle: PEERDIST_STREAM_HANDLE | undefined, bytes: Uint8Array): Promise<Ended> {
    return this.run((o) =>
      this.api.PeerDistServerPublishAddToStream(this.instance, handle, bytes.length, bytes, o),
    );
  }

  complete(handle: PEERDIST_STREAM_HANDLE | undefined): Promise<Ended> {
    return this.run((o) => this.api.PeerDistServerPublishCompleteStream(this.instance, handle, o));
  }

  async publish(identifier: string, bytes = content): Promise<void> {
    const { handle } = await this.publishStream(identifier);
    await this.add(handle, bytes);
    const { error } = await this.complete(handle);
    if (error !== ERROR_SUCCESS) throw new Error(`publish: ${error}`);
    await this.api.PeerDistServerCloseStreamHandle(this.instance, handle);
  }

  unpublish(identifier: string): Promise<number> {
    const id = new TextEncoder().encode(identifier);
    return this.api.PeerDistServerUnpublish(this.instance, id.length, id);
  }

  async openInformation(
    identifier: string,
    {
      offset = 0n,
      length = 0n,
      min,
      max = min,
    }: { offset?: bigint; length?: bigint; min?: number; max?: number } = {},
    port?: CompletionPort,
    key?: unknown,
  ) {
    const out: Out<PEERDIST_CONTENTINFO_HANDLE> = {};
    const id = new TextEncoder().encode(identifier);
    const { api, instance } = this;
    const options = {
      cbSize: 16,
      dwContentInfoMinVersion: min ?? 0,
      dwContentInfoMaxVersion: max ?? 0,
      dwReserved: 0,
    };
    const code =
      min === undefined
        ? await api.PeerDistServerOpenContentInformation(
            instance,
            id.length,
            id,
            offset,
            length,
            port,
            key,
            out,
          )
        : await api.PeerDistServerOpenContentInformationEx(
            instance,
            id.length,
            id,
            offset,
            length,
            options,
            port,
            key,
            out,
          );
    return { code, handle: out.value };
  }

  /** Reads it to the end, in chunks. */
  async retrieve(handle: PEERDIST_CONTENTINFO_HANDLE | undefined, chunk = 1_000): Promise<Uint8Array> {
    const buffer = new Uint8Array(chunk);
    const parts: Uint8Array[] = [];
    for (;;) {
      const { ok, bytes = 0 } = await this.run((o) =>
        this.api.PeerDistServerRetrieveContentInformation(this.instance, handle, chunk, buffer, o),
      );
      if (!ok) return Uint8Array.from(Buffer.concat(parts));
      parts.push(buffer.slice(0, bytes));
    }
  }

  async openContent(tag = TAG, port?: CompletionPort, key?: unknown): Promise<PEERDIST_CONTENT_HANDLE> {
    const out: Out<PEERDIST_CONTENT_HANDLE> = {};
    const code = await this.api.PeerDistClientOpenContent(this.instance, tag, port, key, out);
    if (code !== ERROR_SUCCESS || !out.value) throw new Error(`open: ${code}`);
    return out.value;
  }

  addInformation(handle: PEERDIST_CONTENT_HANDLE, bytes: Uint8Array): Promise<Ended> {
    return this.run((o) =>
      this.api.PeerDistClientAddContentInformation(this.instance, handle, bytes.length, bytes, o),
    );
  }

  completeInformation(handle: PEERDIST_CONTENT_HANDLE): Promise<Ended> {
    return this.run((o) => this.api.PeerDistClientCompleteContentInformation(this.instance, handle, o));
  }

  /** A content handle that is ready to be read. */
  async open(bytes: Uint8Array = information(1), tag = TAG, port?: CompletionPort, key?: unknown) {
    const handle = await this.openContent(tag, port, key);
    // Its completions are not those that a test looks for.
    const told = {
      ended: await this.addInformation(handle, bytes),
      complete: await this.completeInformation(handle),
    };
    if (!told.complete.ok) throw new Error(`complete: ${told.complete.error}`);
    while (port?.poll());
    return handle;
  }

  addData(handle: PEERDIST_CONTENT_HANDLE, offset: number | bigint, bytes: Uint8Array): Promise<Ended> {
    return this.run(
      (o) => this.api.PeerDistClientAddData(this.instance, handle, bytes.length, bytes, o),
      BigInt(offset),
    );
  }

  async blockRead(
    handle: PEERDIST_CONTENT_HANDLE,
    offset: number | bigint,
    length: number,
    timeoutMs = PEERDIST_READ_TIMEOUT_LOCAL_CACHE_ONLY,
  ) {
    const buffer = new Uint8Array(length);
    const ended = await this.run(
      (o) => this.api.PeerDistClientBlockRead(this.instance, handle, length, buffer, timeoutMs, o),
      BigInt(offset),
    );
    return { ...ended, data: digest(buffer.subarray(0, ended.ok ? ended.bytes : 0)), buffer };
  }

  async streamRead(
    handle: PEERDIST_CONTENT_HANDLE,
    length: number,
    timeoutMs = PEERDIST_READ_TIMEOUT_LOCAL_CACHE_ONLY,
  ) {
    const buffer = new Uint8Array(length);
    const ended = await this.run((o) =>
      this.api.PeerDistClientStreamRead(this.instance, handle, length, buffer, timeoutMs, o),
    );
    return { ...ended, data: digest(buffer.subarray(0, ended.ok ? ended.bytes : 0)), buffer };
  }

  flush(tag = TAG): Promise<Ended> {
    return this.run((o) => this.api.PeerDistClientFlushContent(this.instance, tag, null, 0, o));
  }
}

/** One service and everything that was started to use it. */
export class World {
  readonly branch: Branch;
  readonly served: ServedService;
  readonly #callers: Caller[] = [];

  private constructor(branch: Branch, served: ServedService) {
    this.branch = branch;
    this.served = served;
  }

  static async start(
    transport: TransportUnderTest,
    options: Partial<PeerDistServiceOptions> = {},
  ): Promise<World> {
    const branch = await startBranch(options);
    return new World(branch, await transport.serve(branch.service));
  }

  functions(identity?: string): PeerDistFunctions {
    return createPeerDist({ transport: this.served.transport(identity), clock: this.branch.clock });
  }

  async caller(identity?: string): Promise<Caller> {
    const caller = await Caller.start(this.functions(identity));
    this.#callers.push(caller);
    return caller;
  }

  /** Shuts down, and checks that nothing is left behind. */
  async close(): Promise<void> {
    for (const { api, instance } of this.#callers) await api.PeerDistShutdown(instance);
    await this.served.close();
    const { counts } = this.branch.service;
    const left = Object.entries(counts).filter(([, count]) => count !== 0);
    if (left.length > 0) throw new Error(`left behind: ${JSON.stringify(counts)}`);
    if (this.branch.clock.pending > 0) throw new Error(`${this.branch.clock.pending} timers left behind`);
  }
}
