/** Bounds what is under way: whoever wants to send more waits until some of it has been answered. */
export class Window {
  readonly #limitBytes: number;
  #bytes = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  take(bytes: number): void {
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes <= this.#limitBytes) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  room(): Promise<void> | undefined {
    if (this.#bytes <= this.#limitBytes) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
