/** Finds what is behind handles. */
import {
  ERROR_INVALID_HANDLE,
  ERROR_INVALID_PARAMETER,
  ERROR_SUCCESS,
  PEERDIST_ERROR_INVALIDATED,
  PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS,
} from "../win32/errors.ts";
import { type HandleKind, ObjectHandle } from "./handles.ts";
import { Instance, type PeerDistOptions } from "./instance.ts";

/** Where a number is returned, it is the error that the function returns. */
export interface Library {
  startInstance(): Instance;
  instance(hPeerDist: unknown): Instance | number;
  /** A handle of that kind and instance that is still good. */
  object(hPeerDist: unknown, handle: unknown, kind: HandleKind): ObjectHandle | number;
  /** As `object`, for calls that feed an ordered stream: 87 while another one is pending. */
  idleObject(hPeerDist: unknown, handle: unknown, kind: HandleKind): ObjectHandle | number;
  /** Also closes handles that the loss of their connection has made invalid. */
  close(hPeerDist: unknown, handle: unknown, kind: HandleKind): Promise<number>;
}

export function createLibrary(options: PeerDistOptions): Library {
  const instances = new WeakSet<Instance>();
  const library: Library = {
    startInstance() {
      const instance = new Instance(options);
      instances.add(instance);
      return instance;
    },
    instance(hPeerDist) {
      if (!(hPeerDist instanceof Instance) || !instances.has(hPeerDist) || hPeerDist.closed) {
        return ERROR_INVALID_HANDLE;
      }
      return hPeerDist.closing ? PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS : hPeerDist;
    },
    object(hPeerDist, handle, kind) {
      const instance = library.instance(hPeerDist);
      if (typeof instance === "number") return instance;
      if (!isOpen(handle, instance, kind)) return ERROR_INVALID_HANDLE;
      const { connection, generation } = handle;
      const alive = connection === instance.connection && generation === instance.generation;
      return alive ? handle : PEERDIST_ERROR_INVALIDATED;
    },
    idleObject(hPeerDist, handle, kind) {
      const found = library.object(hPeerDist, handle, kind);
      return typeof found !== "number" && found.operations.size > 0 ? ERROR_INVALID_PARAMETER : found;
    },
    async close(hPeerDist, handle, kind) {
      const instance = library.instance(hPeerDist);
      if (typeof instance === "number") return instance;
      if (!isOpen(handle, instance, kind)) return ERROR_INVALID_HANDLE;
      handle.closed = true;
      // The service has closed the handles of a lost connection by itself.
      if (handle.connection === instance.connection) {
        await instance.call({ method: "close", handle: handle.id });
      }
      return ERROR_SUCCESS;
    },
  };
  return library;
}

function isOpen(handle: unknown, instance: Instance, kind: HandleKind): handle is ObjectHandle {
  return (
    handle instanceof ObjectHandle && handle.instance === instance && handle.kind === kind && !handle.closed
  );
}
