import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { progressBar, sourcesText } from "../../src/terminal/progress.ts";

function terminal(isTTY: boolean): { stream: NodeJS.WriteStream; text: () => string } {
  let text = "";
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  const fake = Object.assign(stream, {
    isTTY,
    columns: 200,
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
  });
  return { stream: fake as unknown as NodeJS.WriteStream, text: () => text };
}

const progress = { lengthBytes: 4 * 2 ** 20, bytes: { local: 2 ** 20, peer: 2 ** 20, hosted: 0, origin: 0 } };

describe("the progress bar", () => {
  it("shows how far, how fast and what came from where", () => {
    const { stream, text } = terminal(true);
    let nowMs = 0;
    const bar = progressBar({ stream, enabled: true, now: () => nowMs });
    nowMs = 1_000;
    bar.update(progress);
    bar.stop();
    expect(text()).toContain("50% 2 MiB of 4 MiB at 2 MiB/s, 1s left | cache 1 MiB, peers 1 MiB, origin 0 B");
  });

  it.each([
    { name: "is no terminal", isTTY: false, enabled: true },
    { name: "is to be quiet", isTTY: true, enabled: false },
  ])("writes nothing where it $name", ({ isTTY, enabled }) => {
    const { stream, text } = terminal(isTTY);
    const bar = progressBar({ stream, enabled, now: () => 0 });
    bar.update(progress);
    bar.stop();
    expect(text()).toBe("");
  });

  it("names hosted caches where there are any", () => {
    expect(sourcesText({ local: 0, peer: 0, hosted: 1_024, origin: 0 })).toBe(
      "cache 0 B, peers 0 B, hosted 1 KiB, origin 0 B",
    );
  });
});
