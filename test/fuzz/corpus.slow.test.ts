/** The same for the servers: each in this process, over sockets. */
import { describe, expect, it } from "vitest";
import { allTargets, readCorpus } from "./lib/target.mjs";

const servers = [...(await allTargets()).values()].map(({ target }) => target).filter((t) => t.isServer);

describe("inputs of the fuzz lane", () => {
  it.each(servers)("$name", async ({ name, open, seeds }) => {
    const running = await open();
    const inputs = [...(await seeds()).map((bytes) => ["seed", bytes] as const), ...readCorpus(name)];
    const outcomes: string[] = [];
    for (const [file, bytes] of inputs) {
      outcomes.push(await Promise.resolve(bytes).then(running.run));
      expect(outcomes.at(-1), file).toEqual(expect.any(String));
    }
    await running.close?.();
    expect(outcomes).toContain(name.startsWith("client") ? "blockList" : "answered");
  });
});
