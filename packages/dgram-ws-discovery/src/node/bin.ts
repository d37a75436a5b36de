#!/usr/bin/env node
import { nodeDatagramPort, systemClock, systemRandom } from "../node.ts";
import { runCommand } from "./command.ts";

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
process.once("SIGTERM", () => interrupted.abort());

process.exitCode = await runCommand(process.argv.slice(2), {
  network: { clock: systemClock, random: systemRandom, datagrams: nodeDatagramPort },
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  signal: interrupted.signal,
});
