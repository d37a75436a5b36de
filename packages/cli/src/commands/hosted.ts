import { Command } from "commander";
import { configOption } from "../config/setting-option.ts";
import type { AnnounceOptions, TrustOptions } from "../work/hosted.ts";

export function hostedCommand(): Command {
  return new Command("hosted")
    .summary("what clients need to use this machine as hosted cache")
    .description("What clients need to know of the hosted cache on this machine.")
    .addCommand(
      new Command("trust")
        .description(
          "how clients come to trust the certificate of the HTTPS port; makes one if there is none",
        )
        .option("--pem", "print the certificate alone, to be copied to clients")
        .option("--json", "print JSON")
        .addOption(configOption())
        .action(async (options: TrustOptions) => (await import("../work/hosted.ts")).showTrust(options)),
    )
    .addCommand(
      new Command("announce")
        .description(
          "print the directory entry, the policy values and the DNS record that point clients here",
        )
        .option("--host <name>", "full name of this host (default: what the system says)")
        .option("--computer-dn <dn>", "this host's account in the directory")
        .option("--json", "print JSON")
        .addOption(configOption())
        .action(async (options: AnnounceOptions) => (await import("../work/hosted.ts")).announce(options)),
    );
}
