import { Command } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { controlOptions } from "../../options/control-options.ts";
import { collect } from "../../options/option-values.ts";
import { cachePlaceOptions, cacheSizeOption } from "../../options/shared-options.ts";
import type { ImportCommandOptions } from "./import.ts";

export function importCommand(): Command {
  return addOptions(
    new Command("import")
      .summary("take a package into the cache")
      .description(
        "Takes a package made by `branchcache export` into the cache. Blocks whose secret is known, here or in the " +
          "package, are checked down from the segment's identifier; what fails is left out. Others are kept blind: " +
          "given on by a hosted cache only, to readers who check them. Run again, it skips what is held.",
      )
      .argument("<file>", "the package")
      .option("--trust", "blocks that cannot be checked count as verified: the file is as good as its origin")
      .option("--tag <tag>", "tag all segments; may be repeated", collect)
      .option("--pin", "never evict these segments")
      .addOption(cacheSizeOption()),
    [...cachePlaceOptions(), ...controlOptions()],
  )
    .addHelpText(
      "after",
      `
Examples:
  branchcache import monday.bcpkg --pin --tag preload

A daemon that uses the cache need not be stopped, and serves at once what was
taken.
Exit status: 0 taken, 1 failed or some blocks refused, 2 usage.`,
    )
    .action(async (file: string, options: ImportCommandOptions) => {
      const { runImport } = await import("./import.ts");
      await runImport(file, options);
    });
}
