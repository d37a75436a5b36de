import { Command } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { controlOptions } from "../../options/control-options.ts";
import { secretFileOption } from "../../options/shared-options.ts";
import type { KeyOptions, KeyTransferOptions } from "./key.ts";

export function keyCommand(): Command {
  const command = new Command("key")
    .summary("the content server's secret: set, carry to another server, compare")
    .description(
      "Servers that offer the same content need the same secret, or each copy is cached separately. Changing it " +
        "makes every branch start cold. The secret itself is never printed.",
    );
  const child = (name: string, summary: string) =>
    addOptions(new Command(name).description(summary), [secretFileOption(), ...controlOptions()]);
  command
    .addCommand(
      child("set", "make a new secret: from a passphrase, the same everywhere, else at random")
        .option("--passphrase-file <file>", "a file whose first line is the passphrase; - for standard input")
        .option("--force", "do not ask")
        .action(async (options: KeyOptions) => (await work()).setKey(options)),
    )
    .addCommand(
      child("export", "write the secret into a file that a passphrase protects")
        .argument("<file>", "the file to write, mode 0600")
        .requiredOption(
          "--passphrase-file <file>",
          "a file whose first line is the passphrase; - for standard input",
        )
        .action(async (file: string, options: KeyTransferOptions) => (await work()).exportKey(file, options)),
    )
    .addCommand(
      child("import", "take the secret from such a file")
        .argument("<file>", "from `key export`")
        .requiredOption(
          "--passphrase-file <file>",
          "a file whose first line is the passphrase; - for standard input",
        )
        .option("--force", "do not ask")
        .action(async (file: string, options: KeyTransferOptions) => (await work()).importKey(file, options)),
    )
    .addCommand(
      child("fingerprint", "print a number that is the same on servers with the same secret").action(
        async (options: KeyOptions) => (await work()).fingerprintKey(options),
      ),
    );
  return command.addHelpText(
    "after",
    `
Examples:
  branchcache key set --passphrase-file /root/phrase
  branchcache key export server.bckey --passphrase-file /root/phrase
  branchcache key import server.bckey --passphrase-file /root/phrase --force
  branchcache key fingerprint

Exit status: 0 done, 1 failed, 2 wrong usage.`,
  );
}

const work = () => import("./key.ts");
