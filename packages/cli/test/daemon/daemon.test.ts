/** The daemon in this process: what a change of its settings does, and what one does that fails. */
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { Daemon } from "../../src/daemon/daemon.ts";

let directory: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
});

function writeSettings(changed: Readonly<Record<string, unknown>>): Promise<void> {
  return writeFile(
    join(directory, "branchcache.json"),
    JSON.stringify({
      mode: "local",
      api: { socket: join(directory, "api.sock") },
      cache: { data: { path: join(directory, "cache"), max_bytes: "16MiB" } },
      log: { level: "error" },
      metrics: { enabled: false },
      ...changed,
    }),
  );
}

it("stays as it was after a change that fails, and takes it once the cause is gone", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as AddressInfo;
  const secretFile = join(directory, "secret");
  const serving = { enabled: true, root: directory, secret_file: secretFile };
  await writeSettings({ content_server: { ...serving, listen: "127.0.0.1:0" } });
  await using daemon = await Daemon.start({ configFile: join(directory, "branchcache.json"), env: {} });
  expect((await daemon.status()).content_server).toMatchObject({ enabled: true });

  const changed = {
    content_server: { ...serving, listen: `127.0.0.1:${port}` },
    content_info: { preferred: 1 },
  };
  await writeSettings(changed);
  await expect(daemon.reload()).rejects.toMatchObject({ code: "BC_LISTEN_PORT_IN_USE" });
  expect(daemon.refused).toContain("content_server.listen");
  const kept = await daemon.status();
  expect(kept.client.preferred_content_information_version).toBe(2);
  expect(kept.content_server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  expect(kept.content_server.url).not.toBe(`http://127.0.0.1:${port}/`);

  await new Promise((resolve) => taken.close(resolve));
  expect((await daemon.reload()).keys).toEqual(["content_info.preferred", "content_server.listen"]);
  expect(daemon.refused).toBeUndefined();
  const { client, content_server: server } = await daemon.status();
  expect(client.preferred_content_information_version).toBe(1);
  expect(server.url).toBe(`http://127.0.0.1:${port}/`);
});
