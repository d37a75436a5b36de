/** Who spells the versions out need not ask whether they are there; who does not, has to. */
import {
  type ContentInformationVersion,
  createPublisher,
  type Publication,
  type PublisherOptions,
  publishBytes,
} from "@branchcache/content-info";
import {
  createHashingPool,
  nodeHashEngine as engine,
  type PoolStreamOptions,
  publishFile,
} from "@branchcache/content-info/node";
import { expect, expectTypeOf, it } from "vitest";

const content = new Uint8Array(10);

it("both versions are there by default", async () => {
  const { v1, v2 } = publishBytes(content, { engine });
  expectTypeOf(v1).toEqualTypeOf<Publication>();
  expectTypeOf(v2).toEqualTypeOf<Publication>();
  expect([v1.version, v2.version]).toEqual([1, 2]);
  expectTypeOf((await publishFile(import.meta.filename)).v1).toEqualTypeOf<Publication>();
});

it("of one version the other may not be there", async () => {
  const one = publishBytes(content, { engine, versions: [2] });
  expectTypeOf(one.v2).toEqualTypeOf<Publication>();
  expectTypeOf(one.v1).toEqualTypeOf<Publication | undefined>();
  expect(one.v1).toBeUndefined();
  await using pool = createHashingPool();
  const pooled = await pool.publishStream([content], { versions: [1] });
  expectTypeOf(pooled.v1).toEqualTypeOf<Publication>();
  expectTypeOf(pooled.v2).toEqualTypeOf<Publication | undefined>();
  expect(pooled.v2).toBeUndefined();
});

it("of versions that are known at run time alone, none is sure", () => {
  const versions: readonly ContentInformationVersion[] = [1];
  const options: PublisherOptions = { engine, versions };
  expectTypeOf(publishBytes(content, { engine, versions }).v1).toEqualTypeOf<Publication | undefined>();
  expectTypeOf(createPublisher(options).finish().v2).toEqualTypeOf<Publication | undefined>();
  expectTypeOf<PoolStreamOptions["versions"]>().toEqualTypeOf<typeof versions | undefined>();
  expect(publishBytes(content, options).v2).toBeUndefined();
});
