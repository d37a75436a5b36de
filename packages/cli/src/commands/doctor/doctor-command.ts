import { Command } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { globalsOf } from "../../options/config-option.ts";
import { controlOptions } from "../../options/control-options.ts";
import type { DoctorOptions } from "./doctor.ts";

export function doctorCommand(): Command {
  return addOptions(
    new Command("doctor")
      .summary("look for what keeps BranchCache from saving anything, and say how to mend it")
      .description(
        "Looks at ports, firewall, multicast on every interface, versions of neighbours, silence by quorum, disk, " +
          "clock, certificate, hashing and proxies. With URLs, whether each of these servers gives Content Information " +
          "and whether they share one secret.",
      )
      .argument("[url...]", "content servers; several of the same file show whether they share a secret")
      .option("--all", "show checks that found nothing wrong, too"),
    controlOptions(),
  )
    .addHelpText(
      "after",
      `
Examples:
  branchcache doctor
  branchcache doctor --all
  branchcache doctor http://intranet/images/boot.wim
  branchcache doctor http://server1/boot.wim http://server2/boot.wim

Exit status: 0 nothing found, 1 failed, 2 wrong usage or settings, 4 something
found.`,
    )
    .action(async (urls: readonly string[], options: DoctorOptions, self: Command) => {
      const { runDoctor } = await import("./doctor.ts");
      await runDoctor(urls, options, globalsOf(self));
    });
}
