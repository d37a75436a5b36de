import { Command } from "commander";
import type { DemoOptions } from "./demo.ts";

export function demoCommand(): Command {
  return new Command("demo")
    .summary("show it working on this machine, in a minute")
    .description(
      "Starts a content server and three nodes as processes of their own on loopback, without root, and " +
        "fetches a file on each; then a new version of the file. Fails if the branch did not save what it should.",
    )
    .option("--file <path>", "the file to fetch", process.execPath)
    .option("--keep", "leave the working directory behind")
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import("./demo.ts");
      await runDemo(options);
    });
}
