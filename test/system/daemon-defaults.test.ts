import { runProcess } from "@branchcache/cli/testing";
import { expect, it } from "vitest";
import { command } from "../support/commands.ts";

it("PCCRR-9 branchcached serves peers on port 80 unless told otherwise", async () => {
  const help = await runProcess(command("branchcached", "--help"));
  const listen = help.slice(help.indexOf("--listen")).replace(/\s+/g, " ");
  expect(listen).toMatch(/^--listen <\[host:\]port> where peers fetch blocks \(default: 80, as on Windows/);
});
