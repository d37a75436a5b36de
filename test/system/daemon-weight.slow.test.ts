/** What the daemon weighs while nobody asks for anything; bench/daemon.js says what it costs over time. */
import { readFile } from "node:fs/promises";
import { freeUdpPort } from "@branchcache/cli/testing";
import { expect, it } from "vitest";
import { startDaemon } from "../support/daemon.ts";

it.skipIf(process.platform !== "linux")("a node at rest takes less than 100 MB, its page shown", async () => {
  await using daemon = await startDaemon({
    settings: {
      mode: "distributed",
      peer: { listen_address: "127.0.0.1", listen_port: 0, interfaces: ["127.0.0.1"] },
      discovery: { port: await freeUdpPort() },
    },
  });
  for (const path of ["", "state.json", "metrics", "healthz"]) {
    expect((await fetch(`${daemon.url}${path}`)).status, path).toBe(200);
  }
  expect(await daemon.run("stats")).toMatchObject({ code: 0 });
  const status = await readFile(`/proc/${daemon.process.pid}/status`, "latin1");
  const residentBytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024;
  expect(residentBytes).toBeGreaterThan(30e6);
  expect(residentBytes).toBeLessThan(100e6);
});
