/** Which version of Content Information the neighbours ask for. */
import type { EventFields, EventLevel, EventName, Observer } from "@branchcache/runtime";

export class Neighbours implements Observer {
  readonly #probes = { v1: 0, v2: 0 };

  get probes(): { readonly v1: number; readonly v2: number } {
    return this.#probes;
  }

  event(_level: EventLevel, name: EventName, fields: EventFields = {}): void {
    if (name !== "probe.received") return;
    if (fields["version"] === 1) this.#probes.v1++;
    else if (fields["version"] === 2) this.#probes.v2++;
  }

  count(): void {}

  measure(): void {}
}
