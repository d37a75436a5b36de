/** Structures and handles of peerdist.h as a caller sees them. */
import type { PEERDIST_STATUS } from "./constants.ts";

/** An out parameter: the call sets `value`. */
export interface Out<T> {
  /** Undefined until the call has succeeded. */
  value?: T | undefined;
}

/** What `PeerDistGetStatusEx` fills in; 16 bytes. */
export interface PEERDIST_STATUS_INFO {
  /** 16, set by the caller. */
  cbSize: number;
  status: PEERDIST_STATUS;
  /** The lowest and highest version of Content Information, 1 or 2. */
  dwMinVer: number;
  dwMaxVer: number;
}

/** What `PeerDistServerPublishStream` is told of its caller; 8 bytes. */
export interface PEERDIST_PUBLICATION_OPTIONS {
  /** 1 or 2: the version of the API that the caller was written for. */
  readonly dwVersion: number;
  /** 0. */
  readonly dwFlags: number;
}

/** The versions of Content Information, 1 or 2, that a client accepts: it gets the highest that can be made. 16 bytes. */
export interface PEERDIST_RETRIEVAL_OPTIONS {
  /** 16. */
  readonly cbSize: number;
  /** The lowest and the highest. */
  readonly dwContentInfoMinVersion: number;
  readonly dwContentInfoMaxVersion: number;
  /** 0. */
  readonly dwReserved: number;
}

/** Chosen by the client: names what it puts into the local cache, so that it can be flushed. */
export interface PEERDIST_CONTENT_TAG {
  /** 16 bytes. */
  readonly Data: Uint8Array;
}

declare const kind: unique symbol;
/** Opaque: given out by one call, handed to others. */
export interface Handle<K extends string> {
  readonly [kind]: K;
}
/** One use of the service, from `PeerDistStartup` to `PeerDistShutdown`. */
export type PEERDIST_INSTANCE_HANDLE = Handle<"instance">;
/** A publication that is being fed, until `PeerDistServerCloseStreamHandle`. */
export type PEERDIST_STREAM_HANDLE = Handle<"stream">;
/** A cursor over the Content Information of a publication, until `PeerDistServerCloseContentInformation`. */
export type PEERDIST_CONTENTINFO_HANDLE = Handle<"contentinfo">;
/** One retrieval, until `PeerDistClientCloseContent`. */
export type PEERDIST_CONTENT_HANDLE = Handle<"content">;
