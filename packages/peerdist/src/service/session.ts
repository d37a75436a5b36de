/** One connection to the service: its handles and operations. */
import { toHex } from "@branchcache/runtime";
import { PEERDIST_STATUS } from "../win32/constants.ts";
import {
  ERROR_ACCESS_DISABLED_BY_POLICY,
  ERROR_INVALID_HANDLE,
  ERROR_INVALID_PARAMETER,
  ERROR_IO_PENDING,
  ERROR_NOT_ENOUGH_QUOTA,
  ERROR_OPERATION_ABORTED,
  ERROR_SUCCESS,
  PEERDIST_ERROR_ALREADY_COMPLETED,
  PEERDIST_ERROR_ALREADY_EXISTS,
  PEERDIST_ERROR_ALREADY_INITIALIZED,
  PEERDIST_ERROR_INVALIDATED,
  PEERDIST_ERROR_NOT_FOUND,
  PEERDIST_ERROR_NOT_INITIALIZED,
  PEERDIST_ERROR_OPERATION_NOTFOUND,
  PEERDIST_ERROR_SERVICE_UNAVAILABLE,
} from "../win32/errors.ts";
import type {
  ConnectionEvents,
  Method,
  ServiceCall,
  ServiceReturn,
  ServiceSession,
  StatusReport,
} from "./calls.ts";
import { TRANSFER_MAX_BYTES } from "./calls.ts";
import { ClientContent } from "./client-content.ts";
import { type Identity, kill } from "./identity.ts";
import { type Cancellable, Operations, type Outcome, type StartOptions } from "./operations.ts";
import { InformationCursor, PublicationRecord, PublishStream } from "./publication.ts";
import type { ServiceParts } from "./service-options.ts";

type Call<M extends Method> = Extract<ServiceCall, { method: M }>;
type AnyHandle = PublishStream | InformationCursor | ClientContent;

export class Session implements ServiceSession {
  readonly #parts: ServiceParts;
  readonly #state: Identity;
  readonly #events: ConnectionEvents;
  readonly #onEnd: () => void;
  readonly #operations: Operations;
  readonly #handles = new Map<number, AnyHandle>();
  #nextHandle = 1;
  #open = true;

  /** `onEnd` is called once, when the session has ended and has given back all it held. */
  constructor(parts: ServiceParts, state: Identity, events: ConnectionEvents, onEnd: () => void) {
    this.#parts = parts;
    this.#state = state;
    this.#events = events;
    this.#onEnd = onEnd;
    this.#operations = new Operations(state.quota, (completion) => events.completed(completion));
  }

  call(call: ServiceCall): ServiceReturn {
    const result = this.#dispatch(call);
    return typeof result === "number" ? { code: result } : result;
  }

  async close(): Promise<void> {
    this.#end(ERROR_OPERATION_ABORTED);
  }

  /** The service ends while the connection is open: the caller is told, and all handles are invalid. */
  lose(): void {
    if (!this.#open) return;
    this.#end(PEERDIST_ERROR_INVALIDATED);
    this.#events.lost();
  }

  report(status: StatusReport): void {
    this.#events.status(status);
  }

  invalidate(): void {
    for (const handle of this.#handles.values()) {
      kill(handle, PEERDIST_ERROR_INVALIDATED, PEERDIST_ERROR_INVALIDATED);
      if (handle instanceof ClientContent) handle.dropHeld();
      if (handle instanceof PublishStream && !handle.publication.complete) this.#discard(handle);
    }
    this.#operations.endAll(PEERDIST_ERROR_INVALIDATED);
  }

  #end(error: number): void {
    if (!this.#open) return;
    this.#open = false;
    this.#operations.endAll(error);
    for (const id of [...this.#handles.keys()]) this.#close(id);
    for (const identifier of this.#state.ofSession(this)) {
      this.#state.remove(identifier, PEERDIST_ERROR_INVALIDATED, ERROR_OPERATION_ABORTED);
    }
    this.#onEnd();
  }

  #dispatch(call: ServiceCall): ServiceReturn | number {
    if (!this.#open) return ERROR_INVALID_HANDLE;
    switch (call.method) {
      case "close":
        return this.#close(call.handle);
      case "cancel":
        return this.#operations.cancel(call.operation) ? ERROR_SUCCESS : PEERDIST_ERROR_OPERATION_NOTFOUND;
      case "publishStream":
        return this.#refusal() || this.#publish(call);
      case "unpublish":
        return this.#refusal() || this.#unpublish(call);
      case "openContentInformation":
        return this.#refusal() || this.#openInformation(call);
      case "openContent":
        return this.#refusal() || this.#openContent(call);
      case "flush":
        return this.#refusal() || this.#flush(call);
      case "addToStream":
        return this.#with(call.handle, PublishStream, (stream) => this.#addToStream(stream, call));
      case "completeStream":
        return this.#with(call.handle, PublishStream, (stream) => this.#completeStream(stream, call));
      case "retrieveContentInformation":
        return this.#with(call.handle, InformationCursor, (cursor) =>
          this.#start(call, () => cursor.read(Math.min(call.maxBytes, TRANSFER_MAX_BYTES)), {
            owner: cursor,
            queue: cursor.queue,
          }),
        );
      case "addContentInformation":
        return this.#with(call.handle, ClientContent, (content) => {
          if (content.completing) return PEERDIST_ERROR_ALREADY_INITIALIZED;
          if (content.operations.size > 0) return ERROR_INVALID_PARAMETER;
          return this.#start(call, () => content.addInformation(call.bytes), inputOf(content));
        });
      case "completeContentInformation":
        return this.#with(call.handle, ClientContent, (content) => {
          if (content.completing) return PEERDIST_ERROR_ALREADY_INITIALIZED;
          if (content.operations.size > 0) return ERROR_INVALID_PARAMETER;
          const code = this.#start(call, () => content.completeInformation(), inputOf(content));
          if (code === ERROR_IO_PENDING) content.completing = true;
          return code;
        });
      case "addData":
        return this.#with(call.handle, ClientContent, (content) => {
          if (!content.reader) return PEERDIST_ERROR_NOT_INITIALIZED;
          return this.#start(call, () => content.addData(call.offsetBytes, call.bytes), inputOf(content));
        });
      case "blockRead":
      case "streamRead":
        return this.#with(call.handle, ClientContent, (content) => this.#read(content, call));
      case "clientInformation":
        return this.#with(call.handle, ClientContent, (content) => ({
          code: ERROR_SUCCESS,
          value: content.flashCrowd ? 1 : 0,
        }));
    }
  }

  #publish({ identifier, lengthBytes }: Call<"publishStream">): ServiceReturn | number {
    const { engine, secret, versions } = this.#parts;
    const key = toHex(identifier);
    if (this.#state.published(key)) return PEERDIST_ERROR_ALREADY_EXISTS;
    if (!this.#state.quota.take("publications")) return ERROR_NOT_ENOUGH_QUOTA;
    const record = new PublicationRecord(lengthBytes, {
      engine,
      secret,
      versions: ([1, 2] as const).filter((version) => version >= versions.min && version <= versions.max),
    });
    const stream = new PublishStream(record, key);
    const result = this.#add(stream);
    if (typeof result === "number") this.#state.quota.give("publications");
    else this.#state.publish(key, { record, session: this, stream });
    return result;
  }

  #addToStream(stream: PublishStream, call: Call<"addToStream">): number {
    if (stream.completed) return PEERDIST_ERROR_ALREADY_COMPLETED;
    if (stream.operations.size > 0) return ERROR_INVALID_PARAMETER;
    if (this.#wasCut(stream, call.continued)) return ERROR_OPERATION_ABORTED;
    stream.expectedBytes = call.moreBytes;
    const work = (): Outcome => {
      const error = this.#feed(stream.publication, call);
      if (error === ERROR_SUCCESS) return { error, bytes: call.bytes.length };
      this.#state.remove(stream.identifier, PEERDIST_ERROR_INVALIDATED, error);
      return { error };
    };
    return this.#start(call, work, { owner: stream });
  }

  #feed(publication: PublicationRecord, { bytes, moreBytes }: Call<"addToStream">): number {
    const growth = publication.quotaBytesWith(bytes.length) - publication.quotaBytes;
    if (!this.#state.quota.take("bytes", growth)) return ERROR_NOT_ENOUGH_QUOTA;
    const error = publication.update(bytes, moreBytes);
    if (error !== ERROR_SUCCESS) this.#state.quota.give("bytes", growth);
    return error;
  }

  #completeStream(stream: PublishStream, call: Call<"completeStream">): number {
    if (stream.completed) return PEERDIST_ERROR_ALREADY_COMPLETED;
    if (stream.operations.size > 0) return ERROR_INVALID_PARAMETER;
    if (this.#wasCut(stream, false)) return ERROR_OPERATION_ABORTED;
    const work = (): Outcome => {
      const error = stream.publication.finish();
      if (error === ERROR_SUCCESS) return { error };
      this.#state.remove(stream.identifier, PEERDIST_ERROR_INVALIDATED, error);
      return { error };
    };
    const code = this.#start(call, work, { owner: stream });
    if (code === ERROR_IO_PENDING) stream.completed = true;
    return code;
  }

  /** Whether an AddToStream was cancelled between two of its pieces: the publication has a gap then, and is removed. */
  #wasCut(stream: PublishStream, continued: boolean): boolean {
    if (stream.expectedBytes === 0 || continued) return false;
    this.#state.remove(stream.identifier, ERROR_OPERATION_ABORTED, ERROR_OPERATION_ABORTED);
    return true;
  }

  #unpublish({ identifier }: Call<"unpublish">): number {
    const key = toHex(identifier);
    if (!this.#state.published(key)) return PEERDIST_ERROR_NOT_FOUND;
    this.#state.remove(key, PEERDIST_ERROR_INVALIDATED, ERROR_OPERATION_ABORTED);
    return ERROR_SUCCESS;
  }

  #openInformation(call: Call<"openContentInformation">): ServiceReturn | number {
    const published = this.#state.published(toHex(call.identifier));
    if (!published?.record.complete) return PEERDIST_ERROR_NOT_FOUND;
    const { plainVersion } = this.#parts;
    const versions = call.versions ?? { min: plainVersion, max: plainVersion };
    const cursor = published.record.open(call.offsetBytes, call.lengthBytes, versions);
    if (typeof cursor === "number") return cursor;
    const result = this.#add(cursor);
    if (typeof result !== "number") published.record.cursors.add(cursor);
    return result;
  }

  #openContent({ tag }: Call<"openContent">): ServiceReturn | number {
    const { quota, contents } = this.#state;
    const content = new ClientContent({ ...this.#parts, tag: toHex(tag), quota, contents });
    const result = this.#add(content);
    if (typeof result === "number") content.close();
    return result;
  }

  #read(content: ClientContent, call: Call<"blockRead" | "streamRead">): number {
    const { reader } = content;
    if (!reader) return PEERDIST_ERROR_NOT_INITIALIZED;
    const { offsetBytes, maxBytes, timeoutMs } = call;
    return call.method === "blockRead"
      ? this.#start(call, (running) => reader.blockRead(offsetBytes, maxBytes, timeoutMs, running), {
          owner: content,
        })
      : this.#start(call, (running) => reader.streamRead(maxBytes, timeoutMs, running), {
          owner: content,
          queue: reader.streamQueue,
        });
  }

  #flush(call: Call<"flush">): number {
    const { blocks, forgetTag } = this.#parts;
    return this.#start(call, async () => {
      const tag = toHex(call.tag);
      forgetTag(tag);
      await blocks.flush(tag);
      return { error: ERROR_SUCCESS };
    });
  }

  #start(
    { operation }: { readonly operation: number },
    work: (running: Cancellable) => Promise<Outcome> | Outcome,
    options?: StartOptions,
  ): number {
    return this.#operations.start(operation, work, options);
  }

  #add(handle: AnyHandle): ServiceReturn | number {
    if (!this.#state.quota.take("handles")) return ERROR_NOT_ENOUGH_QUOTA;
    const id = this.#nextHandle++;
    this.#handles.set(id, handle);
    return { code: ERROR_SUCCESS, value: id };
  }

  #close(id: number): number {
    const handle = this.#handles.get(id);
    if (!handle) return ERROR_INVALID_HANDLE;
    this.#handles.delete(id);
    this.#state.quota.give("handles");
    kill(handle, ERROR_INVALID_HANDLE, ERROR_OPERATION_ABORTED);
    if (handle instanceof ClientContent) handle.close();
    else if (handle instanceof PublishStream) {
      if (!handle.publication.complete) this.#discard(handle);
    } else handle.publication.cursors.delete(handle);
    return ERROR_SUCCESS;
  }

  /** Removes the unfinished publication of this stream, but not one that was made under its identifier since. */
  #discard(stream: PublishStream): void {
    if (this.#state.published(stream.identifier)?.stream !== stream) return;
    this.#state.remove(stream.identifier, PEERDIST_ERROR_INVALIDATED, ERROR_OPERATION_ABORTED);
  }

  #with<T extends AnyHandle>(
    id: number,
    type: new (...args: never[]) => T,
    use: (handle: T) => ServiceReturn | number,
  ): ServiceReturn | number {
    const handle = this.#handles.get(id);
    if (!(handle instanceof type)) return ERROR_INVALID_HANDLE;
    return handle.dead || this.#refusal() || use(handle);
  }

  #refusal(): number {
    const status = this.#parts.status();
    if (status === PEERDIST_STATUS.DISABLED) return ERROR_ACCESS_DISABLED_BY_POLICY;
    return status === PEERDIST_STATUS.UNAVAILABLE ? PEERDIST_ERROR_SERVICE_UNAVAILABLE : ERROR_SUCCESS;
  }
}

function inputOf(content: ClientContent): StartOptions {
  return { owner: content, queue: content.inputQueue };
}
