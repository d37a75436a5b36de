import { Command, InvalidArgumentError, Option } from "commander";
import { parseHeader } from "../../options/option-values.ts";
import { SettingOption } from "../../options/setting-option.ts";
import {
  cacheDirOption,
  cacheSizeOption,
  discoveryPortOption,
  discoveryWaitOption,
  interfaceOption,
  logFormatOption,
  quietLogLevelOption,
  socketOption,
} from "../../options/shared-options.ts";
import type { GetOptions } from "./get.ts";

export function getCommand(): Command {
  return new Command("get")
    .summary("download URLs through the branch")
    .description(
      "Downloads each URL. What this machine or its peers hold comes from them, the rest from the origin; " +
        "every byte is verified. A running daemon is used where there is one, else a cache of one's own.",
    )
    .argument("[url...]", "http or https URLs, one after another")
    .option(
      "-o, --output <file>",
      "write to FILE, or to standard output for - (default: the URL's last part)",
    )
    .option("-d, --directory <dir>", "write files into DIR, which is made if need be")
    .option("-i, --input <file>", "further URLs, one a line; - for standard input")
    .option("--sha256 <digest>", "what the file must have; another is not kept", parseSha256)
    .option("--sha256-sums <file>", "the same for several files, as sha256sum writes it")
    .option("-H, --header <name: value>", "send this header to the origin; may be repeated", parseHeader)
    .option("--no-daemon", "do not use a running daemon")
    .option("--no-peerdist", "an ordinary download: no Content Information, no peers")
    .addOption(socketOption())
    .addOption(cacheDirOption())
    .addOption(cacheSizeOption())
    .addOption(interfaceOption())
    .addOption(discoveryPortOption())
    .addOption(discoveryWaitOption())
    .addOption(
      new Option("--mode <mode>", "local: ask no peers (without a daemon)")
        .choices(["local", "distributed"])
        .default("distributed"),
    )
    .addOption(
      new SettingOption(
        "--max-version <version>",
        "content_info.preferred",
        "highest version of Content Information to ask for, 1 or 2",
      ),
    )
    .option("--explain", "say who was asked, what came from where, and why anything came from the origin")
    .option("--json", "print a report as JSON on standard output when done")
    .option("-q, --quiet", "no progress and no summary")
    .addOption(quietLogLevelOption())
    .addOption(logFormatOption())
    .addHelpText(
      "after",
      `
Examples:
  branchcache get http://intranet/images/boot.wim
  branchcache get https://intranet/setup.msi -o /tmp/setup.msi --json
  branchcache get http://intranet/list.txt -o - | head
  branchcache get --directory /srv/images --input urls.txt --sha256-sums SHA256SUMS

A file appears under its name only when it is whole. What is there of one that
broke off is kept beside it and gone on with, if the server still has the same
content. Proxies are taken from HTTP_PROXY, HTTPS_PROXY and NO_PROXY. What goes
to standard output, and comes from the origin without Content Information, is
not cached. One of several that fails does not keep the others; with --json,
each URL has its line.

Exit status: 0 done, 1 one or more failed, 2 usage, 3 the daemon named with
--socket is not reachable.`,
    )
    .action(async (urls: readonly string[], options: GetOptions) => {
      const { runGet } = await import("./get.ts");
      await runGet(urls, options);
    });
}

function parseSha256(digest: string): string {
  if (!/^[0-9a-f]{64}$/i.test(digest)) throw new InvalidArgumentError("Not 64 hexadecimal digits.");
  return digest.toLowerCase();
}
