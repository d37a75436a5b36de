/** The functions of a server: publications and their Content Information. */
import { toHex } from "@branchcache/runtime";
import type { CompletionPort } from "../win32/completion-port.ts";
import { ERROR_INVALID_PARAMETER, PEERDIST_ERROR_OPERATION_NOTFOUND } from "../win32/errors.ts";
import { Overlapped } from "../win32/overlapped.ts";
import type { Out, PEERDIST_CONTENTINFO_HANDLE } from "../win32/types.ts";
import {
  arePublicationOptions,
  bufferOf,
  identifierOf,
  isFree,
  isOut,
  isPort,
  retrievalVersions,
  u64,
} from "./checks.ts";
import type { ServerFunctions } from "./functions.ts";
import { openHandle } from "./handles.ts";
import type { Library } from "./library.ts";
import { oneCall, reading, writing } from "./plans.ts";

export function serverFunctions(library: Library): ServerFunctions {
  async function openInformation(
    hPeerDist: unknown,
    cbContentIdentifier: unknown,
    pContentIdentifier: unknown,
    ullContentOffset: unknown,
    cbContentLength: unknown,
    hCompletionPort: CompletionPort | null | undefined,
    key: unknown,
    phContentInfo: Out<PEERDIST_CONTENTINFO_HANDLE>,
    versions?: { readonly min: number; readonly max: number },
  ): Promise<number> {
    const identifier = identifierOf(cbContentIdentifier, pContentIdentifier);
    const offsetBytes = u64(ullContentOffset);
    const lengthBytes = u64(cbContentLength);
    const good = identifier && offsetBytes !== undefined && lengthBytes !== undefined;
    if (!good || !isPort(hCompletionPort) || !isOut(phContentInfo)) return ERROR_INVALID_PARAMETER;
    const instance = library.instance(hPeerDist);
    if (typeof instance === "number") return instance;
    const delivery = { port: hCompletionPort ?? undefined, key };
    return openHandle(
      instance,
      {
        method: "openContentInformation",
        identifier,
        offsetBytes,
        lengthBytes,
        ...(versions ? { versions } : {}),
      },
      { kind: "contentinfo", delivery, identifier: toHex(identifier) },
      phContentInfo,
    );
  }

  return {
    async PeerDistServerPublishStream(
      hPeerDist,
      cbContentIdentifier,
      pContentIdentifier,
      cbContentLength,
      pPublishOptions,
      hCompletionPort,
      key,
      phStream,
    ) {
      const identifier = identifierOf(cbContentIdentifier, pContentIdentifier);
      const lengthBytes = u64(cbContentLength);
      const good = identifier && lengthBytes !== undefined && lengthBytes < Number.MAX_SAFE_INTEGER;
      if (!good || !arePublicationOptions(pPublishOptions)) return ERROR_INVALID_PARAMETER;
      if (!isPort(hCompletionPort) || !isOut(phStream)) return ERROR_INVALID_PARAMETER;
      const instance = library.instance(hPeerDist);
      if (typeof instance === "number") return instance;
      const delivery = { port: hCompletionPort ?? undefined, key };
      return openHandle(
        instance,
        { method: "publishStream", identifier, lengthBytes },
        { kind: "stream", delivery, identifier: toHex(identifier) },
        phStream,
      );
    },

    async PeerDistServerPublishAddToStream(hPeerDist, hStream, cbNumberOfBytes, pBuffer, lpOverlapped) {
      const buffer = bufferOf(cbNumberOfBytes, pBuffer);
      if (!buffer || !isFree(lpOverlapped)) return ERROR_INVALID_PARAMETER;
      const found = library.idleObject(hPeerDist, hStream, "stream");
      if (typeof found === "number") return found;
      const plan = writing(buffer, ({ operation, bytes, at, moreBytes }) => ({
        method: "addToStream",
        handle: found.id,
        operation,
        bytes,
        moreBytes,
        continued: at > 0,
      }));
      return found.instance.submit(lpOverlapped, found.delivery, plan, found);
    },

    async PeerDistServerPublishCompleteStream(hPeerDist, hStream, lpOverlapped) {
      if (!isFree(lpOverlapped)) return ERROR_INVALID_PARAMETER;
      const found = library.idleObject(hPeerDist, hStream, "stream");
      if (typeof found === "number") return found;
      const plan = oneCall((operation) => ({ method: "completeStream", handle: found.id, operation }));
      return found.instance.submit(lpOverlapped, found.delivery, plan, found);
    },

    PeerDistServerCloseStreamHandle: (hPeerDist, hStream) => library.close(hPeerDist, hStream, "stream"),

    async PeerDistServerUnpublish(hPeerDist, cbContentIdentifier, pContentIdentifier) {
      const identifier = identifierOf(cbContentIdentifier, pContentIdentifier);
      if (!identifier) return ERROR_INVALID_PARAMETER;
      const instance = library.instance(hPeerDist);
      if (typeof instance === "number") return instance;
      return (await instance.call({ method: "unpublish", identifier })).code;
    },

    PeerDistServerOpenContentInformation: (h, cb, p, offset, length, port, key, ph) =>
      openInformation(h, cb, p, offset, length, port, key, ph),

    async PeerDistServerOpenContentInformationEx(h, cb, p, offset, length, pRetrievalOptions, port, key, ph) {
      const versions = retrievalVersions(pRetrievalOptions);
      if (!versions) return ERROR_INVALID_PARAMETER;
      return openInformation(h, cb, p, offset, length, port, key, ph, versions);
    },

    async PeerDistServerRetrieveContentInformation(
      hPeerDist,
      hContentInfo,
      cbMaxNumberOfBytes,
      pBuffer,
      lpOverlapped,
    ) {
      const buffer = bufferOf(cbMaxNumberOfBytes, pBuffer);
      if (!buffer || !isFree(lpOverlapped)) return ERROR_INVALID_PARAMETER;
      const found = library.object(hPeerDist, hContentInfo, "contentinfo");
      if (typeof found === "number") return found;
      const plan = reading(buffer, (operation) => ({
        method: "retrieveContentInformation",
        handle: found.id,
        operation,
        maxBytes: buffer.length,
      }));
      return found.instance.submit(lpOverlapped, found.delivery, plan, found);
    },

    PeerDistServerCloseContentInformation: (hPeerDist, hContentInfo) =>
      library.close(hPeerDist, hContentInfo, "contentinfo"),

    async PeerDistServerCancelAsyncOperation(
      hPeerDist,
      cbContentIdentifier,
      pContentIdentifier,
      lpOverlapped,
    ) {
      const identifier = identifierOf(cbContentIdentifier, pContentIdentifier);
      if (!identifier || !(lpOverlapped instanceof Overlapped)) return ERROR_INVALID_PARAMETER;
      const instance = library.instance(hPeerDist);
      if (typeof instance === "number") return instance;
      const key = toHex(identifier);
      const operation = [...instance.operations].find(
        (one) => one.overlapped === lpOverlapped && one.owner?.identifier === key,
      );
      return operation ? instance.cancel(operation) : PEERDIST_ERROR_OPERATION_NOTFOUND;
    },
  };
}
