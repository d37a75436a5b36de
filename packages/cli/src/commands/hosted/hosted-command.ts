import { Command } from "commander";
import { globalsOf } from "../../options/config-option.ts";
import { collect } from "../../options/option-values.ts";
import type { AnnounceOptions, TrustOptions } from "./hosted.ts";

export function hostedCommand(): Command {
  return new Command("hosted")
    .summary("what clients need to use this machine as hosted cache")
    .description("What clients need to know of the hosted cache on this machine.")
    .addCommand(
      new Command("trust")
        .description(
          "how clients come to trust the certificate of the HTTPS port; makes one if there is none",
        )
        .option(
          "--name <name>",
          "make the self-signed certificate anew, for this name; may be repeated. Clients must trust it anew",
          collect,
        )
        .option("--pem", "print the certificate alone, to be copied to clients")
        .option("--json", "print JSON")
        .action(async (options: TrustOptions, self: Command) =>
          (await work()).showTrust(options, globalsOf(self)),
        ),
    )
    .addCommand(
      new Command("announce")
        .description(
          "print the directory entry, the policy values and the DNS record that point clients here",
        )
        .option("--host <name>", "full name of this host (default: what the system says)")
        .option("--computer-dn <dn>", "this host's account in the directory")
        .option("--json", "print JSON")
        .action(async (options: AnnounceOptions, self: Command) =>
          (await work()).announce(options, globalsOf(self)),
        ),
    );
}

const work = () => import("./hosted.ts");
