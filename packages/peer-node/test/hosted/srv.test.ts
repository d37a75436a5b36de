import { recordingObserver, seededRandom } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { discoverHostedCaches } from "../../src/hosted/srv.ts";

const record = (name: string, priority: number, weight: number) => ({ name, port: 80, priority, weight });

describe("hosted caches by DNS", () => {
  it("PCHC-10 asks for the service in each domain, until one has it", async () => {
    const asked: string[] = [];
    const found = await discoverHostedCaches({
      domains: ["north.example", "example"],
      random: seededRandom(1),
      observer: recordingObserver(),
      async resolve(name) {
        asked.push(name);
        if (name.endsWith("north.example"))
          throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
        return [record("cache.example", 10, 0)];
      },
    });
    expect(asked).toEqual(["_branchcache._tcp.north.example", "_branchcache._tcp.example"]);
    expect(found).toEqual([{ host: "cache.example", port: 80, priority: 10 }]);
  });

  it("orders by priority, and within one by weight at random", async () => {
    const records = [
      record("backup", 20, 5),
      record("big", 10, 90),
      record("small", 10, 10),
      record("never", 10, 0),
    ];
    const firsts = new Map<string, number>();
    for (let seed = 0; seed < 400; seed++) {
      const found = await discoverHostedCaches({
        domains: ["example"],
        random: seededRandom(seed),
        observer: recordingObserver(),
        resolve: async () => records,
      });
      expect(found.map(({ host }) => host).sort()).toEqual(["backup", "big", "never", "small"]);
      expect(found.at(-1)?.host).toEqual("backup");
      const first = found[0]?.host ?? "";
      firsts.set(first, (firsts.get(first) ?? 0) + 1);
    }
    expect(firsts.get("big") ?? 0).toBeGreaterThan(300);
    expect(firsts.get("small") ?? 0).toBeGreaterThan(10);
    expect(firsts.get("never")).toBeUndefined();
  });

  it("takes the root for a plain no, and tells of other failures", async () => {
    const observer = recordingObserver();
    const random = seededRandom(1);
    expect(
      await discoverHostedCaches({
        domains: ["a"],
        random,
        observer,
        resolve: async () => [record("", 0, 0)],
      }),
    ).toEqual([]);
    const broken = { domains: ["a"], random, observer, resolve: () => Promise.reject(new Error("SERVFAIL")) };
    expect(await discoverHostedCaches(broken)).toEqual([]);
    expect(observer.named("discover_server.failed").map(({ level }) => level)).toEqual(["warn"]);
  });
});
