/** Finds what is behind handles, and runs the functions over one transport. */
import {
  ERROR_INVALID_HANDLE,
  PEERDIST_ERROR_INVALIDATED,
  PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS,
} from "../win32/errors.ts";
import { clientFunctions } from "./client-functions.ts";
import { commonFunctions } from "./common-functions.ts";
import type { PeerDistFunctions } from "./functions.ts";
import { type HandleKind, ObjectHandle } from "./handles.ts";
import { Instance, type InstanceOptions } from "./instance.ts";
import { serverFunctions } from "./server-functions.ts";

export type PeerDistOptions = InstanceOptions;

/** An error is the number that the function returns. */
export interface Library {
  startInstance(): Instance;
  instance(handle: unknown): Instance | number;
  object(instance: Instance, handle: unknown, kind: HandleKind): ObjectHandle | number;
  /** As `object`, of any connection: for closing. */
  openObject(instance: Instance, handle: unknown, kind: HandleKind): ObjectHandle | number;
}

/** The functions of PeerDist.lib, over a service in this process or behind a socket. */
export function createPeerDist(options: PeerDistOptions): PeerDistFunctions {
  const instances = new WeakSet<Instance>();
  const library: Library = {
    startInstance() {
      const instance = new Instance(options);
      instances.add(instance);
      return instance;
    },
    instance(handle) {
      if (!(handle instanceof Instance) || !instances.has(handle) || handle.closed) {
        return ERROR_INVALID_HANDLE;
      }
      return handle.closing ? PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS : handle;
    },
    openObject(instance, handle, kind) {
      const good =
        handle instanceof ObjectHandle &&
        handle.instance === instance &&
        handle.kind === kind &&
        !handle.closed;
      return good ? handle : ERROR_INVALID_HANDLE;
    },
    object(instance, handle, kind) {
      const found = library.openObject(instance, handle, kind);
      if (typeof found === "number") return found;
      const { connection, generation } = found;
      const alive = connection === instance.connection && generation === instance.generation;
      return alive ? found : PEERDIST_ERROR_INVALIDATED;
    },
  };
  return { ...commonFunctions(library), ...serverFunctions(library), ...clientFunctions(library) };
}
