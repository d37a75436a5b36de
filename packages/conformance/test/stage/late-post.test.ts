/** What a client posts when the scene is over. */
import { openStage, seededRandom } from "@branchcache/conformance";
import { formatEndpoint } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { expect, it } from "vitest";

it("answers a late post as the scene before did, and notes it nowhere", async () => {
  await using stage = await openStage({
    listen: { address: "127.0.0.1", port: 0 },
    discoveryPort: 0,
    clock: systemClock,
    random: seededRandom(1),
    fetch: async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer()),
  });
  const post = async (path: string) =>
    (await fetch(`http://${formatEndpoint(stage.endpoint)}${path}`, { method: "POST", body: "late" })).status;
  expect(await post("/offers")).toBe(404);

  const played = await stage.play({
    lengthBytes: 1_000,
    post: ({ path }) =>
      path === "/offers" ? Promise.resolve({ status: 202, headers: {}, body: new Uint8Array(0) }) : undefined,
  });
  const strayBefore = stage.strayRequests;
  expect(await post("/offers")).toBe(202);
  expect([played.right, played.posts, stage.strayRequests - strayBefore]).toEqual([true, [], 0]);
  expect(await post("/elsewhere")).toBe(404);
  expect(stage.strayRequests - strayBefore).toBe(1);
});
