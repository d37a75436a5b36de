/** What fuzzing kept, and everything that once broke something: every decoder takes or refuses it as it has to. */
import { describe, expect, it } from "vitest";
import { allTargets, readCorpus } from "./lib/target.mjs";

const decoders = [...(await allTargets()).values()].map(({ target }) => target).filter((t) => !t.isServer);

describe("inputs of the fuzz lane", () => {
  it.each(decoders)("$name", async ({ name, open, seeds }) => {
    const running = await open();
    const outcomes: string[] = [];
    for (const seed of await seeds()) outcomes.push(await running.run(seed));
    for (const [file, bytes] of readCorpus(name)) {
      await expect(Promise.resolve(bytes).then(running.run), file).resolves.toEqual(expect.any(String));
    }
    await running.close?.();
    expect(outcomes.some((outcome) => outcome !== "refused")).toBe(true);
  });
});
