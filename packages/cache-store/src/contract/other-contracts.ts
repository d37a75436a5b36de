import type { PublicationEntry } from "../block-store.ts";
import { type ContractTestApi, collect, idOf, type OpenStores, withStores } from "./harness.ts";

/** The suite of `SecretStore`. */
export function secretStoreContract(
  name: string,
  open: OpenStores,
  { describe, it, expect }: ContractTestApi,
): void {
  describe(`${name}: SecretStore`, () => {
    it("keeps, replaces and deletes secrets of every length", () =>
      withStores(open, {}, async ({ secrets }) => {
        expect(await secrets.get(idOf(1))).toEqual(undefined);
        for (const length of [32, 48, 64]) {
          await secrets.put(idOf(1), new Uint8Array(length).fill(length));
          expect(await secrets.get(idOf(1))).toEqual(new Uint8Array(length).fill(length));
        }
        expect(await secrets.get(idOf(2))).toEqual(undefined);
        await secrets.delete(idOf(1));
        await secrets.delete(idOf(2));
        expect(await secrets.get(idOf(1))).toEqual(undefined);
      }));

    it("keeps its own copies", () =>
      withStores(open, {}, async ({ secrets }) => {
        const secret = new Uint8Array(32).fill(5);
        const put = secrets.put(idOf(1), secret);
        secret.fill(0);
        await put;
        (await secrets.get(idOf(1)))?.fill(0);
        expect(await secrets.get(idOf(1))).toEqual(new Uint8Array(32).fill(5));
      }));
  });
}

/** The suite of `PublicationStore`. */
export function publicationStoreContract(
  name: string,
  open: OpenStores,
  { describe, it, expect }: ContractTestApi,
): void {
  const entryOf = (n: number, bytes = 100): PublicationEntry => ({
    validator: `"etag-${n}"`,
    sizeBytes: n * 1000,
    publications: [new Uint8Array(bytes).fill(n), new Uint8Array(0)],
    createdMs: 1_700_000_000_000 + n,
  });

  describe(`${name}: PublicationStore`, () => {
    it("keeps, replaces, lists and deletes entries", () =>
      withStores(open, {}, async ({ publications }) => {
        expect(await publications.get("/a")).toEqual(undefined);
        await publications.put("/a", entryOf(1));
        await publications.put("/b", entryOf(2));
        await publications.put("/a", entryOf(3));
        expect(await publications.get("/a")).toEqual(entryOf(3));
        expect((await collect(publications.keys())).sort()).toEqual(["/a", "/b"]);
        await publications.delete("/a");
        await publications.delete("/c");
        expect(await publications.get("/a")).toEqual(undefined);
        expect(await collect(publications.keys())).toEqual(["/b"]);
      }));

    it("takes keys of any length and script, and entries of megabytes", () =>
      withStores(open, {}, async ({ publications }) => {
        const keys = [
          "",
          "/",
          `https://host/${"x".repeat(5000)}`,
          `https://host/${"x".repeat(5001)}`,
          "/мир/世界/🗺",
        ];
        for (const [n, key] of keys.entries()) await publications.put(key, entryOf(n, 2_000_000));
        for (const [n, key] of keys.entries()) {
          const entry = await publications.get(key);
          expect(entry?.validator).toEqual(entryOf(n).validator);
          const [bytes] = entry?.publications ?? [];
          expect(bytes?.length === 2_000_000 && bytes.every((byte) => byte === n)).toEqual(true);
        }
        expect((await collect(publications.keys())).sort()).toEqual([...keys].sort());
      }));

    it("keeps its own copies", () =>
      withStores(open, {}, async ({ publications }) => {
        const entry = entryOf(1);
        const put = publications.put("/a", entry);
        entry.publications[0]?.fill(0);
        await put;
        (await publications.get("/a"))?.publications[0]?.fill(0);
        expect(await publications.get("/a")).toEqual(entryOf(1));
      }));
  });
}
