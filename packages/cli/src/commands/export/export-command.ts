import { Command } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { cachePlaceOptions } from "../../options/shared-options.ts";
import type { ExportCommandOptions } from "./export.ts";

export function exportCommand(): Command {
  return addOptions(
    new Command("export")
      .summary("write what the cache holds into one file")
      .description(
        "Writes blocks and hashes of published files into a package that `branchcache import` takes into another " +
          "cache. An export that was interrupted is taken up again by the same command.",
      )
      .argument("<file>", "the package, such as site.bcpkg")
      .option("--tag <tag>", "only segments with this tag, and no hashes")
      .option("--since <file>", "leave out what this reference file of an earlier export lists")
      .option("--write-reference <file>", "write a reference file for the next export")
      .option(
        "--with-secrets",
        "put segment secrets in: whoever has the package can then read and check its content",
      )
      .option("--json", "print JSON")
      .option("-f, --force", "write over a package that is there"),
    cachePlaceOptions(),
  )
    .addHelpText(
      "after",
      `
Examples:
  branchcache export monday.bcpkg --write-reference monday.bcref
  branchcache export tuesday.bcpkg --since monday.bcref

A daemon that uses the cache need not be stopped.
Exit status: 0 written, 1 failed, 2 usage.`,
    )
    .action(async (file: string, options: ExportCommandOptions) => {
      const { runExport } = await import("./export.ts");
      await runExport(file, options);
    });
}
