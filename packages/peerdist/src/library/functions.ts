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

type Opt<T> = T | null | undefined;
type Code = Promise<number>;

export interface CommonFunctions {
  /** `dwVersionRequested` is the lowest version that will do. Does not need a service that runs. */
  PeerDistStartup(
    dwVersionRequested: number,
    phPeerDist: Out<PEERDIST_INSTANCE_HANDLE>,
    pdwSupportedVersion?: Opt<Out<number>>,
  ): Code;
  /** What is pending completes with ERROR_OPERATION_ABORTED; publications of this instance go. */
  PeerDistShutdown(hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>): Code;
  PeerDistGetStatus(hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>, pPeerDistStatus: Out<PEERDIST_STATUS>): Code;
  PeerDistGetStatusEx(hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>, pPeerDistStatus: PEERDIST_STATUS_INFO): Code;
  /** Asynchronous; one at a time. */
  PeerDistRegisterForStatusChangeNotification(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hCompletionPort: Opt<CompletionPort>,
    ulCompletionKey: unknown,
    lpOverlapped: Overlapped,
    pPeerDistStatus: Out<PEERDIST_STATUS>,
  ): Code;
  /** Asynchronous; one at a time. */
  PeerDistRegisterForStatusChangeNotificationEx(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hCompletionPort: Opt<CompletionPort>,
    ulCompletionKey: unknown,
    lpOverlapped: Overlapped,
    pPeerDistStatus: PEERDIST_STATUS_INFO,
  ): Code;
  PeerDistUnregisterForStatusChangeNotification(hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>): Code;
  /** Waits if `bWait`. On false `GetLastError` says why. */
  PeerDistGetOverlappedResult(
    lpOverlapped: Overlapped,
    lpNumberOfBytesTransferred: Out<number>,
    bWait: boolean,
  ): Promise<boolean>;
  /** What the result query of this OVERLAPPED found: ERROR_IO_INCOMPLETE while it is pending. */
  GetLastError(lpOverlapped: Overlapped): number;
}

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
  ): Code;
  /** Asynchronous. */
  PeerDistServerPublishAddToStream(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hStream: Opt<PEERDIST_STREAM_HANDLE>,
    cbNumberOfBytes: number,
    pBuffer: Uint8Array,
    lpOverlapped: Overlapped,
  ): Code;
  /** Asynchronous. */
  PeerDistServerPublishCompleteStream(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hStream: Opt<PEERDIST_STREAM_HANDLE>,
    lpOverlapped: Overlapped,
  ): Code;
  /** Before the stream is complete: discards the publication. */
  PeerDistServerCloseStreamHandle(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hStream: Opt<PEERDIST_STREAM_HANDLE>,
  ): Code;
  PeerDistServerUnpublish(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    cbContentIdentifier: number,
    pContentIdentifier: Uint8Array,
  ): Code;
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
  ): Code;
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
  ): Code;
  /** Asynchronous; the offset of the OVERLAPPED becomes that of the chunk within the Content Information. */
  PeerDistServerRetrieveContentInformation(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentInfo: Opt<PEERDIST_CONTENTINFO_HANDLE>,
    cbMaxNumberOfBytes: number,
    pBuffer: Uint8Array,
    lpOverlapped: Overlapped,
  ): Code;
  PeerDistServerCloseContentInformation(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentInfo: Opt<PEERDIST_CONTENTINFO_HANDLE>,
  ): Code;
  PeerDistServerCancelAsyncOperation(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    cbContentIdentifier: number,
    pContentIdentifier: Uint8Array,
    lpOverlapped: Overlapped,
  ): Code;
}

export interface ClientFunctions {
  PeerDistClientOpenContent(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    pContentTag: PEERDIST_CONTENT_TAG,
    hCompletionPort: Opt<CompletionPort>,
    ulCompletionKey: unknown,
    phContentHandle: Out<PEERDIST_CONTENT_HANDLE>,
  ): Code;
  PeerDistClientCloseContent(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
  ): Code;
  /** Asynchronous. */
  PeerDistClientAddContentInformation(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
    cbNumberOfBytes: number,
    pBuffer: Uint8Array,
    lpOverlapped: Overlapped,
  ): Code;
  /** Asynchronous. */
  PeerDistClientCompleteContentInformation(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
    lpOverlapped: Overlapped,
  ): Code;
  /** Asynchronous; to the offset of the OVERLAPPED in the content. */
  PeerDistClientAddData(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
    cbNumberOfBytes: number,
    pBuffer: Uint8Array,
    lpOverlapped: Overlapped,
  ): Code;
  /** Asynchronous; from the offset of the OVERLAPPED. 0 bytes ask how much lies in the local cache. */
  PeerDistClientBlockRead(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
    cbMaxNumberOfBytes: number,
    pBuffer: Opt<Uint8Array>,
    dwTimeoutInMilliseconds: number,
    lpOverlapped: Overlapped,
  ): Code;
  /** Asynchronous; from the handle's cursor. 0 bytes ask how much lies in the local cache. */
  PeerDistClientStreamRead(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
    cbMaxNumberOfBytes: number,
    pBuffer: Opt<Uint8Array>,
    dwTimeoutInMilliseconds: number,
    lpOverlapped: Overlapped,
  ): Code;
  /** Asynchronous. */
  PeerDistClientFlushContent(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    pContentTag: PEERDIST_CONTENT_TAG,
    hCompletionPort: Opt<CompletionPort>,
    ulCompletionKey: unknown,
    lpOverlapped: Overlapped,
  ): Code;
  /** Without OVERLAPPED: all operations of the handle. */
  PeerDistClientCancelAsyncOperation(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
    lpOverlapped?: Opt<Overlapped>,
  ): Code;
  /** Class 0, PeerDistClientBasicInfo: `lpInformation` gets 4 bytes, fFlashCrowd. */
  PeerDistClientGetInformationByHandle(
    hPeerDist: Opt<PEERDIST_INSTANCE_HANDLE>,
    hContentHandle: Opt<PEERDIST_CONTENT_HANDLE>,
    PeerDistClientInfoClass: number,
    dwBufferSize: number,
    lpInformation: Uint8Array,
  ): Code;
}

export interface PeerDistFunctions extends CommonFunctions, ServerFunctions, ClientFunctions {}
