/**
 * The 28 functions as one object. Names, order of parameters and numbers are those of peerdist.h; every function
 * gives its return code as a promise, since the service may be another process.
 */
import type { CompletionPort } from "../win32/completion-port.ts";
import type { PEERDIST_STATUS } from "../win32/constants.ts";
import type { Overlapped } from "../win32/overlapped.ts";
import type {
  Out,
  PEERDIST_CONTENT_HANDLE,
  PEERDIST_CONTENT_TAG,
  PEERDIST_CONTENTINFO_HANDLE,
  PEERDIST_INSTANCE_HANDLE,
  PEERDIST_PUBLICATION_OPTIONS,
  PEERDIST_RETRIEVAL_OPTIONS,
  PEERDIST_STATUS_INFO,
  PEERDIST_STREAM_HANDLE,
} from "../win32/types.ts";

/** A parameter that may be NULL. */
export type Opt<T> = T | null | undefined;
/** What a function returns: ERROR_SUCCESS, ERROR_IO_PENDING for an operation that was accepted, or an error. */
export type ReturnCode = Promise<number>;

/** Start and end of an instance, status, and results of operations. */
export interface CommonFunctions {
  /** `dwVersionRequested` is the lowest version that will do. Does not need a service that runs. */
  PeerDistStartup(
    dwVersionRequested: number,
    phPeerDist: Out<PEERDIST_INSTANCE_HANDLE>,
    pdwSupportedVersion?: Opt<Out<number>>,
  ): ReturnCode;
  /** What is pending completes with ERROR_OPERATION_ABORTED; publications of this instance go. */
  PeerDistShutdown(hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>): ReturnCode;
  /** Answers in every state of the service. */
  PeerDistGetStatus(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    pPeerDistStatus: Out<PEERDIST_STATUS>,
  ): ReturnCode;
  /**
   * As `PeerDistGetStatus`, with the versions of Content Information. ERROR_INVALID_PARAMETER for another `cbSize`
   * than 16.
   */
  PeerDistGetStatusEx(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    pPeerDistStatus: PEERDIST_STATUS_INFO,
  ): ReturnCode;
  /** Asynchronous; one at a time. */
  PeerDistRegisterForStatusChangeNotification(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hCompletionPort: Opt<CompletionPort>,
    ulCompletionKey: unknown,
    lpOverlapped: Overlapped,
    pPeerDistStatus: Out<PEERDIST_STATUS>,
  ): ReturnCode;
  /** Asynchronous; one at a time. */
  PeerDistRegisterForStatusChangeNotificationEx(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hCompletionPort: Opt<CompletionPort>,
    ulCompletionKey: unknown,
    lpOverlapped: Overlapped,
    pPeerDistStatus: PEERDIST_STATUS_INFO,
  ): ReturnCode;
  /** The pending registration completes with ERROR_OPERATION_ABORTED. */
  PeerDistUnregisterForStatusChangeNotification(hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>): ReturnCode;
  /** Waits if `bWait`. On false `GetLastError` says why. */
  PeerDistGetOverlappedResult(
    lpOverlapped: Overlapped,
    lpNumberOfBytesTransferred: Out<number>,
    bWait: boolean,
  ): Promise<boolean>;
  /** What the result query of this OVERLAPPED found: ERROR_IO_INCOMPLETE while it is pending. */
  GetLastError(lpOverlapped: Overlapped): number;
}

/** What a content server calls: it publishes content, and gets Content Information for its clients. */
export interface ServerFunctions {
  /** `cbContentLength` 0: unknown; else the sum of what is added has to be that. */
  PeerDistServerPublishStream(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    cbContentIdentifier: number,
    pContentIdentifier: Uint8Array,
    cbContentLength: bigint | number,
    pPublishOptions: Opt<PEERDIST_PUBLICATION_OPTIONS>,
    hCompletionPort: Opt<CompletionPort>,
    ulCompletionKey: unknown,
    phStream: Out<PEERDIST_STREAM_HANDLE>,
  ): ReturnCode;
  /** Asynchronous. */
  PeerDistServerPublishAddToStream(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hStream: Opt<PEERDIST_STREAM_HANDLE>,
    cbNumberOfBytes: number,
    pBuffer: Uint8Array,
    lpOverlapped: Overlapped,
  ): ReturnCode;
  /** Asynchronous. */
  PeerDistServerPublishCompleteStream(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hStream: Opt<PEERDIST_STREAM_HANDLE>,
    lpOverlapped: Overlapped,
  ): ReturnCode;
  /** Before the stream is complete: discards the publication. */
  PeerDistServerCloseStreamHandle(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hStream: Opt<PEERDIST_STREAM_HANDLE>,
  ): ReturnCode;
  /**
   * Ends the publication, and aborts what is pending on it; its handles still have to be closed.
   * PEERDIST_ERROR_NOT_FOUND for another identity's.
   */
  PeerDistServerUnpublish(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    cbContentIdentifier: number,
    pContentIdentifier: Uint8Array,
  ): ReturnCode;
  /** Offset and length 0: of the whole content; length 0: to its end. */
  PeerDistServerOpenContentInformation(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    cbContentIdentifier: number,
    pContentIdentifier: Uint8Array,
    ullContentOffset: bigint | number,
    cbContentLength: bigint | number,
    hCompletionPort: Opt<CompletionPort>,
    ulCompletionKey: unknown,
    phContentInfo: Out<PEERDIST_CONTENTINFO_HANDLE>,
  ): ReturnCode;
  /**
   * As `PeerDistServerOpenContentInformation`, in the highest version that the options allow.
   * PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED where there is none.
   */
  PeerDistServerOpenContentInformationEx(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    cbContentIdentifier: number,
    pContentIdentifier: Uint8Array,
    ullContentOffset: bigint | number,
    cbContentLength: bigint | number,
    pRetrievalOptions: PEERDIST_RETRIEVAL_OPTIONS,
    hCompletionPort: Opt<CompletionPort>,
    ulCompletionKey: unknown,
    phContentInfo: Out<PEERDIST_CONTENTINFO_HANDLE>,
  ): ReturnCode;
  /** Asynchronous; the offset of the OVERLAPPED becomes that of the chunk within the Content Information. */
  PeerDistServerRetrieveContentInformation(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentInfo: Opt<PEERDIST_CONTENTINFO_HANDLE>,
    cbMaxNumberOfBytes: number,
    pBuffer: Uint8Array,
    lpOverlapped: Overlapped,
  ): ReturnCode;
  /** What is pending on the handle completes with ERROR_OPERATION_ABORTED. */
  PeerDistServerCloseContentInformation(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentInfo: Opt<PEERDIST_CONTENTINFO_HANDLE>,
  ): ReturnCode;
  /**
   * The operation is named by identifier and OVERLAPPED together. PEERDIST_ERROR_OPERATION_NOTFOUND where it has
   * completed.
   */
  PeerDistServerCancelAsyncOperation(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    cbContentIdentifier: number,
    pContentIdentifier: Uint8Array,
    lpOverlapped: Overlapped,
  ): ReturnCode;
}

/** What a client calls: it gives Content Information, reads, and adds what it had to get from the origin. */
export interface ClientFunctions {
  /** The port, if any, serves all operations of the handle. */
  PeerDistClientOpenContent(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    pContentTag: PEERDIST_CONTENT_TAG,
    hCompletionPort: Opt<CompletionPort>,
    ulCompletionKey: unknown,
    phContentHandle: Out<PEERDIST_CONTENT_HANDLE>,
  ): ReturnCode;
  /** What is pending on the handle completes with ERROR_OPERATION_ABORTED; what was cached stays. */
  PeerDistClientCloseContent(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
  ): ReturnCode;
  /** Asynchronous. */
  PeerDistClientAddContentInformation(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
    cbNumberOfBytes: number,
    pBuffer: Uint8Array,
    lpOverlapped: Overlapped,
  ): ReturnCode;
  /** Asynchronous. */
  PeerDistClientCompleteContentInformation(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
    lpOverlapped: Overlapped,
  ): ReturnCode;
  /** Asynchronous; to the offset of the OVERLAPPED in the content. */
  PeerDistClientAddData(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
    cbNumberOfBytes: number,
    pBuffer: Uint8Array,
    lpOverlapped: Overlapped,
  ): ReturnCode;
  /** Asynchronous; from the offset of the OVERLAPPED. 0 bytes ask how much lies in the local cache. */
  PeerDistClientBlockRead(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
    cbMaxNumberOfBytes: number,
    pBuffer: Opt<Uint8Array>,
    dwTimeoutInMilliseconds: number,
    lpOverlapped: Overlapped,
  ): ReturnCode;
  /** Asynchronous; from the handle's cursor. 0 bytes ask how much lies in the local cache. */
  PeerDistClientStreamRead(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
    cbMaxNumberOfBytes: number,
    pBuffer: Opt<Uint8Array>,
    dwTimeoutInMilliseconds: number,
    lpOverlapped: Overlapped,
  ): ReturnCode;
  /** Asynchronous. */
  PeerDistClientFlushContent(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    pContentTag: PEERDIST_CONTENT_TAG,
    hCompletionPort: Opt<CompletionPort>,
    ulCompletionKey: unknown,
    lpOverlapped: Overlapped,
  ): ReturnCode;
  /** Without OVERLAPPED: all operations of the handle. */
  PeerDistClientCancelAsyncOperation(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
    lpOverlapped?: Opt<Overlapped>,
  ): ReturnCode;
  /** Class 0, PeerDistClientBasicInfo: `lpInformation` gets 4 bytes, fFlashCrowd. */
  PeerDistClientGetInformationByHandle(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
    PeerDistClientInfoClass: number,
    dwBufferSize: number,
    lpInformation: Uint8Array,
  ): ReturnCode;
}

/** All of the API. */
export interface PeerDistFunctions extends CommonFunctions, ServerFunctions, ClientFunctions {}
