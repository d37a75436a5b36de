/** The functions that both sides use: instances, status, results. */
import type { StatusReport } from "../service/calls.ts";
import { PEERDIST_VERSION } from "../win32/constants.ts";
import {
  ERROR_INVALID_PARAMETER,
  ERROR_IO_PENDING,
  ERROR_SUCCESS,
  PEERDIST_ERROR_VERSION_UNSUPPORTED,
} from "../win32/errors.ts";
import { Overlapped } from "../win32/overlapped.ts";
import type { PEERDIST_INSTANCE_HANDLE, PEERDIST_STATUS_INFO } from "../win32/types.ts";
import { isFree, isOut, isPort, isStatusInfo, isU32 } from "./checks.ts";
import type { CommonFunctions } from "./functions.ts";
import type { Library } from "./library.ts";
import { lastError, PendingOperation, resultOf, waitFor } from "./pending.ts";

export function commonFunctions(library: Library): CommonFunctions {
  /** Both kinds of registration, after their own parameters were checked. */
  async function register(
    hPeerDist: unknown,
    port: unknown,
    key: unknown,
    overlapped: Overlapped,
    write: (report: StatusReport) => void,
  ): Promise<number> {
    if (!isPort(port) || !isFree(overlapped)) return ERROR_INVALID_PARAMETER;
    const instance = library.instance(hPeerDist);
    if (typeof instance === "number") return instance;
    const { status } = instance;
    if (status.registered) return ERROR_INVALID_PARAMETER;
    const operation = new PendingOperation(overlapped, { port: port ?? undefined, key }, instance.operations);
    status.register({ operation, write });
    await instance.connect();
    instance.watchForReturn();
    // News that was there before are told like any other: after the call has returned.
    void Promise.resolve().then(() => status.notify());
    return ERROR_IO_PENDING;
  }

  return {
    async PeerDistStartup(dwVersionRequested, phPeerDist, pdwSupportedVersion) {
      if (!isU32(dwVersionRequested) || !isOut(phPeerDist)) return ERROR_INVALID_PARAMETER;
      if (pdwSupportedVersion) pdwSupportedVersion.value = PEERDIST_VERSION;
      if (!isOffered(dwVersionRequested)) return PEERDIST_ERROR_VERSION_UNSUPPORTED;
      const instance = library.startInstance();
      phPeerDist.value = instance as unknown as PEERDIST_INSTANCE_HANDLE;
      return ERROR_SUCCESS;
    },

    async PeerDistShutdown(hPeerDist) {
      const instance = library.instance(hPeerDist);
      if (typeof instance === "number") return instance;
      await instance.close();
      return ERROR_SUCCESS;
    },

    async PeerDistGetStatus(hPeerDist, pPeerDistStatus) {
      if (!isOut(pPeerDistStatus)) return ERROR_INVALID_PARAMETER;
      const instance = library.instance(hPeerDist);
      if (typeof instance === "number") return instance;
      await instance.connect();
      pPeerDistStatus.value = instance.status.report.status;
      return ERROR_SUCCESS;
    },

    async PeerDistGetStatusEx(hPeerDist, pPeerDistStatus) {
      if (!isStatusInfo(pPeerDistStatus)) return ERROR_INVALID_PARAMETER;
      const instance = library.instance(hPeerDist);
      if (typeof instance === "number") return instance;
      await instance.connect();
      writeStatusInfo(pPeerDistStatus, instance.status.report);
      return ERROR_SUCCESS;
    },

    async PeerDistRegisterForStatusChangeNotification(hPeerDist, port, key, overlapped, pPeerDistStatus) {
      if (!isOut(pPeerDistStatus)) return ERROR_INVALID_PARAMETER;
      return register(hPeerDist, port, key, overlapped, ({ status }) => {
        pPeerDistStatus.value = status;
      });
    },

    async PeerDistRegisterForStatusChangeNotificationEx(hPeerDist, port, key, overlapped, pPeerDistStatus) {
      if (!isStatusInfo(pPeerDistStatus)) return ERROR_INVALID_PARAMETER;
      return register(hPeerDist, port, key, overlapped, (report) => writeStatusInfo(pPeerDistStatus, report));
    },

    async PeerDistUnregisterForStatusChangeNotification(hPeerDist) {
      const instance = library.instance(hPeerDist);
      if (typeof instance === "number") return instance;
      instance.status.cancel();
      instance.watchForReturn();
      return ERROR_SUCCESS;
    },

    async PeerDistGetOverlappedResult(lpOverlapped, lpNumberOfBytesTransferred, bWait) {
      if (!(lpOverlapped instanceof Overlapped) || !isOut(lpNumberOfBytesTransferred)) return false;
      const result = bWait ? await waitFor(lpOverlapped) : resultOf(lpOverlapped);
      if (!result) return false;
      lpNumberOfBytesTransferred.value = result.bytes;
      return result.error === ERROR_SUCCESS;
    },

    GetLastError: (lpOverlapped) =>
      lpOverlapped instanceof Overlapped ? lastError(lpOverlapped) : ERROR_INVALID_PARAMETER,
  };
}

/** 1.0 and 2.0; the low-order byte is the major version, the one above it the minor. */
function isOffered(requested: number): boolean {
  const [major, minor] = [requested & 0xff, (requested >>> 8) & 0xff];
  return requested <= 0xffff && (major === 1 || major === 2) && minor === 0;
}

function writeStatusInfo(info: PEERDIST_STATUS_INFO, report: StatusReport): void {
  info.status = report.status;
  info.dwMinVer = report.minVersion;
  info.dwMaxVer = report.maxVersion;
}
