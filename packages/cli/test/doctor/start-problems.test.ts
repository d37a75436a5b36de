/** What keeps a daemon from starting is found before it does. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  NEVER_WRONG,
  ownPlaces,
  type Place,
  WITHOUT_RIGHTS,
  WRONG_SETTINGS,
} from "../../../../test/support/wrong-settings.ts";
import { settingKeys } from "../../src/config/keys.ts";
import { flagLayer } from "../../src/config/layers.ts";
import { resolveLayers } from "../../src/config/resolve.ts";
import { startProblems } from "../../src/doctor/start-problems.ts";

let directory: string;
const taken = createServer();
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "branchcache-start-"));
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  taken.close();
  await rm(directory, { recursive: true });
});

let rows = 0;
const place = async (): Promise<Place> => {
  const own = join(directory, String(rows++));
  await mkdir(own);
  return { directory: own, takenPort: (taken.address() as AddressInfo).port };
};
const problems = (settings: Readonly<Record<string, unknown>>, daemonRuns = false) => {
  const flags = new Map(Object.entries(settings).map(([key, value]) => [key, { flag: "--set", value }]));
  return startProblems(resolveLayers([flagLayer(flags)]), { daemonRuns });
};

describe("before a daemon starts", () => {
  it.each(WRONG_SETTINGS.filter(({ onlyAtStart }) => !onlyAtStart))(
    "$key that $wrong is found",
    async ({ make, key, code, cure }) => {
      const at = await place();
      const found = await problems({ ...ownPlaces(at.directory), ...(await make(at)) });
      expect(found).toMatchObject([{ code }]);
      const { message = "" } = found[0] ?? {};
      expect(message.slice(0, message.indexOf(": "))).toBe(key);
      expect(message).toContain(cure);
    },
  );

  it("nothing is found where nothing is wrong, and nothing is made", async () => {
    const at = await place();
    expect(await problems({ ...ownPlaces(join(at.directory, "state")), mode: "distributed" })).toEqual([]);
    await expect(rm(join(at.directory, "state"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("ports and sockets are the own ones of a daemon that runs", async () => {
    const at = await place();
    const settings = { ...ownPlaces(at.directory), mode: "distributed", "peer.listen_port": at.takenPort };
    expect(await problems(settings, true)).toEqual([]);
  });
});

it("every setting has a row, or a reason why it needs none", () => {
  const rows = new Set([...WRONG_SETTINGS, ...WITHOUT_RIGHTS].map(({ key }) => key));
  const reasons = NEVER_WRONG.flatMap(([, keys]) => keys.split(" "));
  expect([...rows, ...reasons].sort()).toEqual(settingKeys.map(({ key }) => key).sort());
});
