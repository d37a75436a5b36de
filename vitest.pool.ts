import { ForksPoolWorker, type TestUserConfig, type WorkerRequest } from "vitest/node";

const NAME = "processes";

/** A process that runs files of tests. vitest says only that one ended before its time: this says how, and at which file. */
class TestProcess extends ForksPoolWorker {
  override readonly name = NAME;
  #files: readonly string[] = [];

  override send(message: WorkerRequest): void {
    if (message.type === "run") this.#files = message.context.files.map(({ filepath }) => filepath);
    super.send(message);
  }

  override on(event: string, callback: (value: unknown) => void): void {
    if (event === "exit") super.on(event, this.#tell);
    super.on(event, callback);
  }

  override off(event: string, callback: (value: unknown) => void): void {
    if (event === "exit") super.off(event, this.#tell);
    super.off(event, callback);
  }

  readonly #tell = (status: number | null, signal?: NodeJS.Signals | null): void => {
    console.error(`a process ended early, with ${signal ?? status}: ${this.#files.join(" ")}`);
  };
}

export const pool: NonNullable<TestUserConfig["pool"]> = {
  name: NAME,
  createPoolWorker: (options) => new TestProcess(options),
};
