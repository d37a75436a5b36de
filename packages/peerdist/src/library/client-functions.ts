/** The functions of a client: contents that are retrieved. */
import {
  MaximumPeerDistClientInfoByHandlesClass,
  PEERDIST_CLIENT_BASIC_INFO_SIZE,
} from "../win32/constants.ts";
import {
  ERROR_INVALID_PARAMETER,
  ERROR_SUCCESS,
  PEERDIST_ERROR_OPERATION_NOTFOUND,
} from "../win32/errors.ts";
import { Overlapped } from "../win32/overlapped.ts";
import { bufferOf, isFree, isOut, isPort, isU32, readBufferOf, tagOf, timeoutOf, u64 } from "./checks.ts";
import type { ClientFunctions } from "./functions.ts";
import { openHandle } from "./handles.ts";
import type { Library } from "./library.ts";
import { oneCall, reading, writing } from "./plans.ts";

export function clientFunctions(library: Library): ClientFunctions {
  async function read(
    method: "blockRead" | "streamRead",
    hPeerDist: unknown,
    hContentHandle: unknown,
    cbMaxNumberOfBytes: unknown,
    pBuffer: unknown,
    dwTimeoutInMilliseconds: unknown,
    lpOverlapped: Overlapped,
  ): Promise<number> {
    const buffer = readBufferOf(cbMaxNumberOfBytes, pBuffer);
    const timeoutMs = timeoutOf(dwTimeoutInMilliseconds);
    if (!buffer || timeoutMs === undefined || !isFree(lpOverlapped)) return ERROR_INVALID_PARAMETER;
    const found = library.object(hPeerDist, hContentHandle, "content");
    if (typeof found === "number") return found;
    const plan = reading(buffer, (operation) => ({
      method,
      handle: found.id,
      operation,
      offsetBytes: method === "blockRead" ? offsetOf(lpOverlapped) : 0,
      maxBytes: buffer.length,
      timeoutMs,
    }));
    return found.instance.submit(lpOverlapped, found.delivery, plan, found);
  }

  return {
    async PeerDistClientOpenContent(hPeerDist, pContentTag, hCompletionPort, key, phContentHandle) {
      const tag = tagOf(pContentTag);
      if (!tag || !isPort(hCompletionPort) || !isOut(phContentHandle)) return ERROR_INVALID_PARAMETER;
      const instance = library.instance(hPeerDist);
      if (typeof instance === "number") return instance;
      const delivery = { port: hCompletionPort ?? undefined, key };
      return openHandle(
        instance,
        { method: "openContent", tag },
        { kind: "content", delivery },
        phContentHandle,
      );
    },

    PeerDistClientCloseContent: (hPeerDist, hContentHandle) =>
      library.close(hPeerDist, hContentHandle, "content"),

    async PeerDistClientAddContentInformation(
      hPeerDist,
      hContentHandle,
      cbNumberOfBytes,
      pBuffer,
      lpOverlapped,
    ) {
      const buffer = bufferOf(cbNumberOfBytes, pBuffer);
      if (!buffer || !isFree(lpOverlapped)) return ERROR_INVALID_PARAMETER;
      const found = library.idleObject(hPeerDist, hContentHandle, "content");
      if (typeof found === "number") return found;
      const plan = writing(buffer, ({ operation, bytes }) => ({
        method: "addContentInformation",
        handle: found.id,
        operation,
        bytes,
      }));
      return found.instance.submit(lpOverlapped, found.delivery, plan, found);
    },

    async PeerDistClientCompleteContentInformation(hPeerDist, hContentHandle, lpOverlapped) {
      if (!isFree(lpOverlapped)) return ERROR_INVALID_PARAMETER;
      const found = library.idleObject(hPeerDist, hContentHandle, "content");
      if (typeof found === "number") return found;
      const plan = oneCall((operation) => ({
        method: "completeContentInformation",
        handle: found.id,
        operation,
      }));
      return found.instance.submit(lpOverlapped, found.delivery, plan, found);
    },

    async PeerDistClientAddData(hPeerDist, hContentHandle, cbNumberOfBytes, pBuffer, lpOverlapped) {
      const buffer = bufferOf(cbNumberOfBytes, pBuffer);
      if (!buffer || !isFree(lpOverlapped)) return ERROR_INVALID_PARAMETER;
      const found = library.object(hPeerDist, hContentHandle, "content");
      if (typeof found === "number") return found;
      const start = offsetOf(lpOverlapped);
      const plan = writing(buffer, ({ operation, bytes, at }) => ({
        method: "addData",
        handle: found.id,
        operation,
        offsetBytes: Math.min(start + at, Number.MAX_SAFE_INTEGER),
        bytes,
      }));
      return found.instance.submit(lpOverlapped, found.delivery, plan, found);
    },

    PeerDistClientBlockRead: (h, content, cb, p, timeout, overlapped) =>
      read("blockRead", h, content, cb, p, timeout, overlapped),

    PeerDistClientStreamRead: (h, content, cb, p, timeout, overlapped) =>
      read("streamRead", h, content, cb, p, timeout, overlapped),

    async PeerDistClientFlushContent(hPeerDist, pContentTag, hCompletionPort, key, lpOverlapped) {
      const tag = tagOf(pContentTag);
      if (!tag || !isPort(hCompletionPort) || !isFree(lpOverlapped)) return ERROR_INVALID_PARAMETER;
      const instance = library.instance(hPeerDist);
      if (typeof instance === "number") return instance;
      const plan = oneCall((operation) => ({ method: "flush", tag, operation }));
      return instance.submit(lpOverlapped, { port: hCompletionPort ?? undefined, key }, plan);
    },

    async PeerDistClientCancelAsyncOperation(hPeerDist, hContentHandle, lpOverlapped) {
      const all = lpOverlapped === null || lpOverlapped === undefined;
      if (!all && !(lpOverlapped instanceof Overlapped)) return ERROR_INVALID_PARAMETER;
      const found = library.object(hPeerDist, hContentHandle, "content");
      if (typeof found === "number") return found;
      const chosen = [...found.operations].filter((one) => all || one.overlapped === lpOverlapped);
      const codes = await Promise.all(chosen.map((operation) => found.instance.cancel(operation)));
      return codes.includes(ERROR_SUCCESS) ? ERROR_SUCCESS : PEERDIST_ERROR_OPERATION_NOTFOUND;
    },

    async PeerDistClientGetInformationByHandle(
      hPeerDist,
      hContentHandle,
      infoClass,
      dwBufferSize,
      lpInformation,
    ) {
      const goodClass = isU32(infoClass) && infoClass < MaximumPeerDistClientInfoByHandlesClass;
      const buffer = bufferOf(dwBufferSize, lpInformation);
      const goodBuffer = buffer && buffer.length >= PEERDIST_CLIENT_BASIC_INFO_SIZE;
      if (!goodClass || !goodBuffer) return ERROR_INVALID_PARAMETER;
      const found = library.object(hPeerDist, hContentHandle, "content");
      if (typeof found === "number") return found;
      const { code, value = 0 } = await found.instance.call({
        method: "clientInformation",
        handle: found.id,
      });
      if (code === ERROR_SUCCESS) buffer.fill(0, 0, PEERDIST_CLIENT_BASIC_INFO_SIZE)[0] = value;
      return code;
    },
  };
}

/** In bytes. An offset that a number cannot hold exactly becomes one past the end of any content. */
function offsetOf(overlapped: Overlapped): number {
  return u64(overlapped.offset) ?? Number.MAX_SAFE_INTEGER;
}
