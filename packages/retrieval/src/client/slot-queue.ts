import type { Slot } from "./fetch-state.ts";

/** Slots by their order, from the first that its reader has not taken. */
export class SlotQueue {
  #slots: (Slot | undefined)[] = [];
  #base = 0;
  #head = 0;

  /** Order of the next slot to be read. */
  get head(): number {
    return this.#head;
  }

  /** Order of the slot that will be pushed next. */
  get end(): number {
    return this.#base + this.#slots.length;
  }

  at(order: number): Slot | undefined {
    return this.#slots[order - this.#base];
  }

  push(slot: Slot): void {
    this.#slots.push(slot);
  }

  /** The first slot, off the queue, if it is over. */
  takeOver(): Slot | undefined {
    const slot = this.at(this.#head);
    if (slot?.state !== "over") return undefined;
    this.#slots[this.#head - this.#base] = undefined;
    this.#head++;
    if (this.#head - this.#base >= 1_024) {
      this.#slots.splice(0, this.#head - this.#base);
      this.#base = this.#head;
    }
    return slot;
  }
}
