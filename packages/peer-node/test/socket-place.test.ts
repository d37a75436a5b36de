import { stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { clearSocketPlace } from "../src/api/socket-place.ts";

let directory: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
});

it("makes the directory, where nothing is", async () => {
  await clearSocketPlace(join(directory, "run", "api.sock"), { inUseCode: "BC_API_IN_USE" });
  expect((await stat(join(directory, "run"))).isDirectory()).toBe(true);
});

it("names setting and directory, where that cannot be made", async () => {
  await writeFile(join(directory, "file"), "");
  const path = join(directory, "file", "api.sock");
  const clearing = clearSocketPlace(path, { inUseCode: "BC_API_IN_USE", setting: "api.socket" });
  await expect(clearing).rejects.toMatchObject({
    code: "BC_LISTEN_FAILED",
    message: expect.stringContaining(`api.socket: cannot make ${join(directory, "file")}`),
  });
});

it("refuses a path that the system would cut off", async () => {
  const path = join(directory, `${"long".repeat(30)}.sock`);
  await expect(
    clearSocketPlace(path, { inUseCode: "BC_API_IN_USE", setting: "api.socket" }),
  ).rejects.toMatchObject({
    code: "BC_LISTEN_FAILED",
    message: expect.stringMatching(/^api\.socket: .*name a shorter one$/),
  });
});

it("leaves a file alone, and a socket that somebody answers on", async () => {
  const file = join(directory, "file");
  await writeFile(file, "kept");
  await expect(clearSocketPlace(file, { inUseCode: "BC_API_IN_USE" })).rejects.toMatchObject({
    code: "BC_LISTEN_FAILED",
  });
  expect((await stat(file)).size).toBe(4);
  const path = join(directory, "live.sock");
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  await expect(clearSocketPlace(path, { inUseCode: "BC_API_IN_USE" })).rejects.toMatchObject({
    code: "BC_API_IN_USE",
  });
  await new Promise<void>((resolve) => server.close(() => resolve()));
});
