import { appendFile, lstat, rename, utimes } from "node:fs/promises";
import { type Publications, publishBytes } from "@branchcache/content-info";
import { nodeHashEngine, publishFile } from "@branchcache/content-info/node";
import { BranchCacheError } from "@branchcache/runtime";
import { manualClock, recordingObserver } from "@branchcache/runtime/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Resource } from "../../../src/index.ts";
import {
  type FilePublicationsOptions,
  fileEtag,
  filePublications,
  memoryPublicationStore,
  type PublicationStore,
} from "../../../src/node.ts";
import { exampleContent } from "../http-fixture.ts";
import { type TemporaryRoot, temporaryRoot } from "../temporary-root.ts";

const content = exampleContent(100_000);
const hashes = publishBytes(content, { engine: nodeHashEngine });

describe("filePublications", () => {
  let root: TemporaryRoot;
  let path: string;
  let store: PublicationStore;
  const clock = manualClock();

  beforeEach(async () => {
    root = await temporaryRoot();
    path = await root.write("file", content);
    store = memoryPublicationStore();
  });
  afterEach(() => root.remove());

  const resource = async (): Promise<Resource> => {
    const stats = await lstat(path, { bigint: true });
    return { key: path, validator: fileEtag(stats), sizeBytes: Number(stats.size) };
  };

  function make(options: Partial<FilePublicationsOptions> = {}) {
    const calls: string[] = [];
    const publications = filePublications({
      store,
      clock,
      settleMs: 0,
      hashFile: async (file) => {
        calls.push(file);
        return publishFile(file);
      },
      ...options,
    });
    return { publications, calls };
  }

  /** A hash function that the test lets go. */
  function held() {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let onStart = (): void => {};
    const started = new Promise<void>((resolve) => {
      onStart = resolve;
    });
    const hashFile = async (): Promise<Publications> => {
      onStart();
      await gate;
      return hashes;
    };
    return { hashFile, started, release: () => release() };
  }

  it("PCCRTP-47 hashes in the background and keeps the result in the store", async () => {
    const { publications, calls } = make();
    const wanted = await resource();
    expect(await publications.lookup(wanted)).toBeUndefined();
    await publications.request(wanted);
    const found = await publications.lookup(wanted);
    expect([found?.v1?.lengthBytes, found?.v2?.lengthBytes]).toEqual([content.length, content.length]);
    expect(calls).toEqual([path]);
    expect((await store.get(path))?.publications).toHaveLength(2);

    const afterRestart = await make().publications.lookup(wanted);
    expect(afterRestart?.v1?.hashOfData(0)).toEqual(found?.v1?.hashOfData(0));
    expect(afterRestart?.v2?.version).toBe(2);
  });

  it("hashes with content-info's own function unless told otherwise", async () => {
    const publications = filePublications({ store, clock });
    await publications.request(await resource());
    expect((await publications.lookup(await resource()))?.v1?.lengthBytes).toBe(content.length);
  });

  it("PCCRTP-47 hashes once, however many ask", async () => {
    const gate = held();
    let runs = 0;
    const { publications } = make({
      hashFile: () => {
        runs++;
        return gate.hashFile();
      },
    });
    const wanted = await resource();
    const jobs = [
      publications.request(wanted),
      publications.request(wanted),
      publications.request({ ...wanted }),
    ];
    await gate.started;
    gate.release();
    await Promise.all(jobs);
    expect(runs).toBe(1);
  });

  it("finds nothing for another validator or size", async () => {
    const { publications } = make();
    const wanted = await resource();
    await publications.request(wanted);
    expect(await publications.lookup({ ...wanted, validator: '"other"' })).toBeUndefined();
    const fresh = make().publications;
    expect(await fresh.lookup({ ...wanted, sizeBytes: 5 })).toBeUndefined();
  });

  it.each<[string, (file: string) => Promise<void>]>([
    ["grows", (file) => appendFile(file, "x")],
    ["is touched", (file) => utimes(file, 2_000_000, 2_000_000)],
    [
      "is changed and its time put back",
      async (file) => {
        await root.write("file", content.toReversed());
        await utimes(file, 1_000_000, 1_000_000);
      },
    ],
    [
      "is replaced",
      async (file) => {
        const other = await root.write("other", content);
        await rename(other, file);
      },
    ],
  ])(
    "publishes nothing of a file that %s while it is hashed, and hashes it again when asked",
    async (_how, change) => {
      const gate = held();
      let runs = 0;
      const { publications } = make({
        hashFile: (file) => (runs++ === 0 ? gate.hashFile() : publishFile(file)),
      });
      const wanted = await resource();
      const job = publications.request(wanted);
      await gate.started;
      await change(path);
      gate.release();
      await job;
      expect(await publications.lookup(wanted)).toBeUndefined();
      expect(await store.get(path)).toBeUndefined();

      const now = await resource();
      await publications.request(now);
      expect((await publications.lookup(now))?.v1?.lengthBytes).toBe(now.sizeBytes);
      expect(runs).toBe(2);
    },
  );

  it("does not hash a file that has changed before its turn", async () => {
    const { publications, calls } = make();
    const wanted = await resource();
    await appendFile(path, "x");
    await publications.request(wanted);
    expect(calls).toEqual([]);
  });

  it("waits until a file has been left alone for a second", async () => {
    const { publications, calls } = make({ settleMs: 1_000 });
    const nowSeconds = clock.wallMs() / 1_000;
    await utimes(path, nowSeconds, nowSeconds);
    const job = publications.request(await resource());
    while (clock.pending === 0) await clock.settle();
    expect(clock.nextInMs).toBe(1_000);
    expect(calls).toEqual([]);
    await clock.advance(1_000);
    await job;
    expect(calls).toEqual([path]);
  });

  it("hashes no more files at a time than allowed", async () => {
    const gate = held();
    let active = 0;
    let most = 0;
    const { publications } = make({
      concurrency: 2,
      hashFile: async () => {
        most = Math.max(most, ++active);
        const result = await gate.hashFile();
        active--;
        return result;
      },
    });
    const wanted: Resource[] = [];
    for (const name of ["a", "b", "c", "d"]) {
      path = await root.write(name, content);
      wanted.push(await resource());
    }
    const jobs = wanted.map((one) => publications.request(one));
    while (active < 2) await clock.settle();
    gate.release();
    await Promise.all(jobs);
    expect(most).toBe(2);
    for (const one of wanted) expect(await publications.lookup(one)).toBeDefined();
  });

  it("tries a file that cannot be read again only after a while, and says why", async () => {
    const observer = recordingObserver();
    let runs = 0;
    const { publications } = make({
      observer,
      hashFile: async () => {
        runs++;
        throw new BranchCacheError("BC_CONTENT_READ", "the disk is broken");
      },
    });
    const wanted = await resource();
    await publications.request(wanted);
    await publications.request(wanted);
    expect(runs).toBe(1);
    expect(observer.named("publish.failed")[0]?.fields).toEqual({ path, reason: "the disk is broken" });
    await clock.advance(60_000);
    await publications.request(wanted);
    expect(runs).toBe(2);
  });

  it("does not hash over and over for a version that is not made", async () => {
    let runs = 0;
    const { publications } = make({
      hashFile: async () => {
        runs++;
        return publishBytes(content, { engine: nodeHashEngine, versions: [2] });
      },
    });
    const wanted = await resource();
    await publications.request(wanted);
    await publications.request(wanted);
    expect((await publications.lookup(wanted))?.v1).toBeUndefined();
    expect(runs).toBe(1);
  });

  it("makes hashes anew where the store's are damaged", async () => {
    const wanted = await resource();
    const damaged = { ...wanted, publications: [new Uint8Array(40)], createdMs: 0 };
    await store.put(path, damaged);
    const { publications } = make();
    await expect(publications.lookup(wanted)).rejects.toMatchObject({
      code: expect.stringMatching(/^BC_DECODE/),
    });
    await publications.request(wanted);
    expect((await publications.lookup(wanted))?.v1?.lengthBytes).toBe(content.length);
  });

  it("takes no more files than may wait", async () => {
    const gate = held();
    const { publications } = make({ maxWaiting: 1, hashFile: gate.hashFile });
    const job = publications.request(await resource());
    path = await root.write("other", content);
    await publications.request(await resource());
    gate.release();
    await job;
    expect(await store.get(path)).toBeUndefined();
  });

  it("stops when closed, twice if need be", async () => {
    let started = false;
    const { publications } = make({
      hashFile: (_file, signal) => {
        started = true;
        return new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason)),
        );
      },
    });
    const job = publications.request(await resource());
    while (!started) await clock.settle();
    await publications.close();
    await publications.close();
    await job;
    await publications.request(await resource());
    expect(await store.get(path)).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it("starts nothing once it is closed", async () => {
    const { publications, calls } = make();
    const job = publications.request(await resource());
    await publications.close();
    await job;
    expect(calls).toEqual([]);
  });

  it("keeps the publications used last, within its limit", async () => {
    const reads: string[] = [];
    const counting: PublicationStore = {
      get: (key) => {
        reads.push(key);
        return store.get(key);
      },
      put: (key, entry) => store.put(key, entry),
    };
    const { publications } = make({ store: counting, memoryBytes: 2_500 });
    const wanted: Resource[] = [];
    for (const name of ["a", "b", "c"]) {
      path = await root.write(name, content);
      wanted.push(await resource());
      await publications.request(await resource());
    }
    const [a, b, c] = wanted as [Resource, Resource, Resource];
    await publications.lookup(c);
    await publications.lookup(b);
    expect(reads).toEqual([]);
    await publications.lookup(a);
    expect(reads).toEqual([a.key]);
  });
});

describe("memoryPublicationStore", () => {
  it("forgets the oldest entries", async () => {
    const store = memoryPublicationStore(2);
    const entry = { validator: '"1"', sizeBytes: 1, publications: [], createdMs: 0 };
    for (const key of ["a", "b", "a", "c"]) await store.put(key, entry);
    expect(await store.get("b")).toBeUndefined();
    expect(await store.get("a")).toBe(entry);
    expect(await store.get("c")).toBe(entry);
  });
});
