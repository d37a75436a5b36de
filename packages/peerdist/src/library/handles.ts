/** What stands behind the opaque handles. */
import type { ServiceCall } from "../service/calls.ts";
import { ERROR_SUCCESS } from "../win32/errors.ts";
import type { Out } from "../win32/types.ts";
import type { Instance } from "./instance.ts";
import type { Delivery, OperationHolder, PendingOperation } from "./pending.ts";

export type HandleKind = "stream" | "contentinfo" | "content";

export class ObjectHandle implements OperationHolder {
  readonly instance: Instance;
  readonly kind: HandleKind;
  /** Its number at the service, valid on `connection` only. */
  readonly id: number;
  readonly connection: object;
  /** Of the instance, when this was opened: see `Instance.generation`. */
  readonly generation: number;
  readonly delivery: Delivery;
  /** In hexadecimal; of `stream` and `contentinfo`. */
  readonly identifier: string | undefined;
  readonly operations = new Set<PendingOperation>();
  closed = false;

  constructor(
    instance: Instance,
    kind: HandleKind,
    service: { readonly id: number; readonly connection: object },
    delivery: Delivery,
    identifier?: string,
  ) {
    this.instance = instance;
    this.kind = kind;
    this.id = service.id;
    this.connection = service.connection;
    this.generation = instance.generation;
    this.delivery = delivery;
    this.identifier = identifier;
  }
}

/** Makes a call that opens something at the service, and puts the new handle into `out`. */
export async function openHandle<Handle>(
  instance: Instance,
  call: ServiceCall,
  { kind, delivery, identifier }: Pick<ObjectHandle, "kind" | "delivery"> & { readonly identifier?: string },
  out: Out<Handle>,
): Promise<number> {
  const { code, value, connection } = await instance.open(call);
  if (code !== ERROR_SUCCESS || value === undefined || !connection) return code;
  const handle = new ObjectHandle(instance, kind, { id: value, connection }, delivery, identifier);
  // To the caller a handle is opaque.
  out.value = handle as unknown as Handle;
  return ERROR_SUCCESS;
}
