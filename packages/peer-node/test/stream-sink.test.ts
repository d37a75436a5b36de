import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { createStreamSink } from "../src/download/stream-sink.ts";

/** Takes one byte, and no more until it is told to. */
function slowStream() {
  const waiting: (() => void)[] = [];
  const stream = new Writable({
    highWaterMark: 1,
    write: (_bytes, _encoding, done) => void waiting.push(done),
  });
  stream.on("error", () => {});
  return { stream, next: () => waiting.shift()?.() };
}

describe("a stream as the sink of a download", () => {
  it("takes more as soon as it is emptied, and nothing hangs on it afterwards", async () => {
    const { stream, next } = slowStream();
    const { signal } = new AbortController();
    const writing = createStreamSink(stream, signal).write(0, new Uint8Array(9));
    next();
    await writing;
    expect(["drain", "close"].map((name) => stream.listenerCount(name))).toEqual([0, 0]);
  });

  it.each([
    ["closed", (stream: Writable) => void stream.destroy(), { code: "BC_CLOSED" }],
    ["broken", (stream: Writable) => void stream.destroy(new Error("EPIPE")), { message: "EPIPE" }],
  ])("rejects while it waits for one that is %s, and whatever comes after", async (_what, end, error) => {
    const { stream } = slowStream();
    const sink = createStreamSink(stream);
    const writing = sink.write(0, new Uint8Array(9));
    end(stream);
    await expect(writing).rejects.toMatchObject(error);
    await expect(sink.write(9, new Uint8Array(9))).rejects.toMatchObject(error);
  });

  it("rejects with the reason when it is given up", async () => {
    const { stream } = slowStream();
    const controller = new AbortController();
    const writing = createStreamSink(stream, controller.signal).write(0, new Uint8Array(9));
    controller.abort(new Error("enough"));
    await expect(writing).rejects.toThrow("enough");
    await expect(createStreamSink(stream, controller.signal).write(9, new Uint8Array(9))).rejects.toThrow(
      "enough",
    );
  });
});
