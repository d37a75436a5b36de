/** One instance: what it publishes and what it retrieves. */
import type { PeerDistFunctions } from "../library/functions.ts";
import type { PeerDistOptions } from "../library/instance.ts";
import { createPeerDist } from "../library/peer-dist.ts";
import { TRANSFER_MAX_BYTES } from "../service/calls.ts";
import { PEERDIST_STATUS, PEERDIST_STATUS_INFO_SIZE, PEERDIST_VERSION } from "../win32/constants.ts";
import { ERROR_SUCCESS, PEERDIST_ERROR_NO_MORE, PeerDistError } from "../win32/errors.ts";
import type { Overlapped } from "../win32/overlapped.ts";
import type {
  Out,
  PEERDIST_CONTENT_HANDLE,
  PEERDIST_CONTENTINFO_HANDLE,
  PEERDIST_INSTANCE_HANDLE,
  PEERDIST_STATUS_INFO,
  PEERDIST_STREAM_HANDLE,
} from "../win32/types.ts";
import { Content } from "./content.ts";
import { expectSuccess, operate, out, succeed } from "./operation.ts";

/** Bytes in pieces of any size. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Length and end of one publication's source. */
export interface PublishOptions {
  /** The length of the source, if it is known; a source of any other length fails. */
  readonly lengthBytes?: number;
  /** Ends the publishing, which rejects with its reason; nothing stays published. */
  readonly signal?: AbortSignal;
}

/** Which part of the content, and which version, a client is given. */
export interface ContentInformationOptions {
  /** Default all of the content; `endBytes` is not part of it. */
  readonly range?: { readonly startBytes: number; readonly endBytes: number };
  /** The versions that the client accepts. Default: it named none. */
  readonly versions?: { readonly min: 1 | 2; readonly max: 1 | 2 };
  /** Ends the reading, which rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** Options of `open`. */
export interface OpenOptions {
  /** Ends the opening, which rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** A finished publication; disposing of it unpublishes. */
export interface Publication extends AsyncDisposable {
  /** Of the source, read to its end. */
  readonly lengthBytes: number;
  /** Succeeds also if it is gone already. */
  unpublish(): Promise<void>;
}

/** Fails with `PeerDistError`; a signal that is aborted cancels what is under way and rejects with its reason. */
export interface PeerDist extends AsyncDisposable {
  /** State now, and the lowest and highest version of Content Information to ask content servers for, 1 or 2. */
  status(): Promise<{
    readonly status: PEERDIST_STATUS;
    readonly minVersion: number;
    readonly maxVersion: number;
  }>;
  /** The present status, unless that is DISABLED, and then each change; ends with the signal. */
  statusChanges(signal: AbortSignal): AsyncIterable<PEERDIST_STATUS>;
  /** Reads the source to its end and keeps its hashes. The publication ends with the instance. */
  publish(identifier: Uint8Array, source: ByteSource, options?: PublishOptions): Promise<Publication>;
  /** The Content Information, in pieces. Whoever has it can read the content, so keep it as secret as that. */
  contentInformation(identifier: Uint8Array, options?: ContentInformationOptions): AsyncIterable<Uint8Array>;
  /** `tag`: 16 bytes that name what is kept for flushing, and that go with it when it is offered to a hosted cache. */
  open(tag: Uint8Array, contentInformation: Uint8Array | ByteSource, options?: OpenOptions): Promise<Content>;
  /** Removes from the local cache what came under this tag. */
  flush(tag: Uint8Array): Promise<void>;
  /** Removes the publications of this instance and ends pending operations. Twice is harmless. */
  close(): Promise<void>;
}

/**
 * Starts an instance. The service need not be running: what needs it then fails with
 * PEERDIST_ERROR_SERVICE_UNAVAILABLE.
 */
export async function connectPeerDist(options: PeerDistOptions): Promise<PeerDist> {
  const api = createPeerDist(options);
  const instance = await out<PEERDIST_INSTANCE_HANDLE>("connect", (box) =>
    api.PeerDistStartup(PEERDIST_VERSION, box),
  );
  return new Connected(api, instance);
}

class Connected implements PeerDist {
  readonly #api: PeerDistFunctions;
  readonly #instance: PEERDIST_INSTANCE_HANDLE;
  #closed: Promise<void> | undefined;

  constructor(api: PeerDistFunctions, instance: PEERDIST_INSTANCE_HANDLE) {
    this.#api = api;
    this.#instance = instance;
  }

  async status() {
    const info: PEERDIST_STATUS_INFO = {
      cbSize: PEERDIST_STATUS_INFO_SIZE,
      status: PEERDIST_STATUS.UNAVAILABLE,
      dwMinVer: 0,
      dwMaxVer: 0,
    };
    expectSuccess(await this.#api.PeerDistGetStatusEx(this.#instance, info), "status");
    return { status: info.status, minVersion: info.dwMinVer, maxVersion: info.dwMaxVer };
  }

  async *statusChanges(signal: AbortSignal): AsyncGenerator<PEERDIST_STATUS, void, undefined> {
    const cancel = () => this.#api.PeerDistUnregisterForStatusChangeNotification(this.#instance);
    while (!signal.aborted) {
      const box: Out<PEERDIST_STATUS> = {};
      const register = (o: Overlapped) =>
        this.#api.PeerDistRegisterForStatusChangeNotification(this.#instance, null, 0, o, box);
      // Aborting the signal ends the iteration; any other end of the registration is an error.
      const ended = await operate(this.#api, "statusChanges", register, { signal, cancel }).catch((error) => {
        if (signal.aborted) return undefined;
        throw error;
      });
      if (!ended) return;
      expectSuccess(ended.error, "statusChanges");
      if (box.value !== undefined) yield box.value;
    }
  }

  async publish(
    identifier: Uint8Array,
    source: ByteSource,
    options: PublishOptions = {},
  ): Promise<Publication> {
    const { lengthBytes = 0, signal } = options;
    const [api, instance] = [this.#api, this.#instance];
    const handle = await out<PEERDIST_STREAM_HANDLE>("publish", (box) =>
      api.PeerDistServerPublishStream(
        instance,
        identifier.length,
        identifier,
        lengthBytes,
        null,
        null,
        0,
        box,
      ),
    );
    const cancel = (o: Overlapped) =>
      api.PeerDistServerCancelAsyncOperation(instance, identifier.length, identifier, o);
    let taken = 0;
    try {
      for await (const bytes of source) {
        if (bytes.length === 0) continue;
        const add = (o: Overlapped) =>
          api.PeerDistServerPublishAddToStream(instance, handle, bytes.length, bytes, o);
        await succeed(api, "publish", add, { signal, cancel });
        taken += bytes.length;
      }
      const complete = (o: Overlapped) => api.PeerDistServerPublishCompleteStream(instance, handle, o);
      await succeed(api, "publish", complete, { signal, cancel });
    } finally {
      await api.PeerDistServerCloseStreamHandle(instance, handle);
    }
    const unpublish = async () => {
      await api.PeerDistServerUnpublish(instance, identifier.length, identifier);
    };
    return { lengthBytes: taken, unpublish, [Symbol.asyncDispose]: unpublish };
  }

  async *contentInformation(
    identifier: Uint8Array,
    { range, versions, signal }: ContentInformationOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const [api, instance] = [this.#api, this.#instance];
    const offset = range?.startBytes ?? 0;
    const length = range ? range.endBytes - range.startBytes : 0;
    const size = identifier.length;
    const handle = await out<PEERDIST_CONTENTINFO_HANDLE>("contentInformation", (box) => {
      if (!versions) {
        return api.PeerDistServerOpenContentInformation(
          instance,
          size,
          identifier,
          offset,
          length,
          null,
          0,
          box,
        );
      }
      const options = {
        cbSize: 16,
        dwContentInfoMinVersion: versions.min,
        dwContentInfoMaxVersion: versions.max,
        dwReserved: 0,
      };
      return api.PeerDistServerOpenContentInformationEx(
        instance,
        size,
        identifier,
        offset,
        length,
        options,
        null,
        0,
        box,
      );
    });
    const cancel = (o: Overlapped) => api.PeerDistServerCancelAsyncOperation(instance, size, identifier, o);
    try {
      for (;;) {
        const buffer = new Uint8Array(TRANSFER_MAX_BYTES);
        const retrieve = (o: Overlapped) =>
          api.PeerDistServerRetrieveContentInformation(instance, handle, buffer.length, buffer, o);
        const { error, bytes } = await operate(api, "contentInformation", retrieve, { signal, cancel });
        if (error === PEERDIST_ERROR_NO_MORE) return;
        expectSuccess(error, "contentInformation");
        yield buffer.subarray(0, bytes);
      }
    } finally {
      await api.PeerDistServerCloseContentInformation(instance, handle);
    }
  }

  async open(
    tag: Uint8Array,
    information: Uint8Array | ByteSource,
    { signal }: OpenOptions = {},
  ): Promise<Content> {
    const [api, instance] = [this.#api, this.#instance];
    const handle = await out<PEERDIST_CONTENT_HANDLE>("open", (box) =>
      api.PeerDistClientOpenContent(instance, { Data: tag }, null, 0, box),
    );
    const content = new Content({ api, instance, handle });
    const cancel = (o: Overlapped) => api.PeerDistClientCancelAsyncOperation(instance, handle, o);
    try {
      for await (const bytes of information instanceof Uint8Array ? [information] : information) {
        if (bytes.length === 0) continue;
        const add = (o: Overlapped) =>
          api.PeerDistClientAddContentInformation(instance, handle, bytes.length, bytes, o);
        await succeed(api, "open", add, { signal, cancel });
      }
      const complete = (o: Overlapped) => api.PeerDistClientCompleteContentInformation(instance, handle, o);
      await succeed(api, "open", complete, { signal, cancel });
      return content;
    } catch (error) {
      await content.close();
      throw error;
    }
  }

  async flush(tag: Uint8Array): Promise<void> {
    const [api, instance] = [this.#api, this.#instance];
    await succeed(api, "flush", (o) => api.PeerDistClientFlushContent(instance, { Data: tag }, null, 0, o));
  }

  close(): Promise<void> {
    this.#closed ??= this.#api.PeerDistShutdown(this.#instance).then((code) => {
      if (code !== ERROR_SUCCESS) throw new PeerDistError(code, "close");
    });
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
