/** What stands behind the opaque handles. */
import type { Instance } from "./instance.ts";
import type { Delivery, OperationHolder, PendingOperation } from "./pending.ts";

export type HandleKind = "stream" | "contentinfo" | "content";

export class ObjectHandle implements OperationHolder {
  readonly instance: Instance;
  readonly kind: HandleKind;
  /** Its number at the service, good for that connection. */
  readonly id: number;
  readonly connection: object;
  readonly generation: number;
  readonly delivery: Delivery;
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
