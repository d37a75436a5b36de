#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { nodeDatagramPort, systemClock, systemRandom } from "../node.ts";
import { runCommand } from "./command.ts";

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
process.once("SIGTERM", () => interrupted.abort());

// A reader that has seen enough, as in `dgram-ws-discovery listen | head`, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

process.exitCode = await runCommand(process.argv.slice(2), {
  network: { clock: systemClock, random: systemRandom, datagrams: nodeDatagramPort },
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  signal: interrupted.signal,
  version,
});
