import { Command, Option } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { contentOptions } from "../../options/content-options.ts";
import { parseDuration } from "../../options/option-values.ts";
import type { GatewayCommandOptions } from "./gateway.ts";

export function gatewayCommand(): Command {
  const command = new Command("gateway")
    .summary("make any web server a BranchCache content server")
    .description(
      "Passes requests on to the web server at the origin. Clients that know BranchCache get Content " +
        "Information instead of content once it is hashed, which happens as the first of them downloads it. " +
        "The origin is asked every time: who may not have the content does not get its hashes either.",
    )
    .addOption(
      new Option("--origin <url>", "the web server; a path in it comes before each request's own")
        .env("BRANCHCACHE_GATEWAY_ORIGIN")
        .makeOptionMandatory(),
    )
    .addOption(
      new Option(
        "--host-header <whose>",
        "Host that the origin sees (default: client for http, origin for https)",
      ).choices(["client", "origin"]),
    )
    .addOption(
      new Option(
        "--forwarded <mode>",
        "X-Forwarded-For, -Host and -Proto: keep the client's, append to them, or replace them",
      )
        .choices(["keep", "append", "replace"])
        .default("keep"),
    )
    .addOption(
      new Option("--origin-timeout <time>", "how long the origin may be silent")
        .argParser(parseDuration)
        .default(60_000, "60s"),
    );
  return addOptions(command, contentOptions("BRANCHCACHE_GATEWAY_LISTEN"))
    .addHelpText(
      "after",
      `
Content needs a strong ETag, or a Last-Modified and no ETag, and its length.
Where the origin compresses, clients that know BranchCache are given the
content as it is. Gateways with the same secret share their clients' caches;
with the same cluster (--redis-node) each content is hashed by one of them
only.

Examples:
  branchcache gateway --origin http://127.0.0.1:8081 --listen 80
  branchcache gateway --origin https://files.example --exclude-path '*.ipxe' --forwarded replace
  branchcache gateway --origin http://10.0.0.5 --secret-file /etc/branchcache/secret --redis-node cache-1:6379

Exit status: 0 stopped as asked, 1 failed, 2 wrong usage or settings.`,
    )
    .action(async (options: GatewayCommandOptions) => {
      const { runGateway } = await import("./gateway.ts");
      await runGateway(options);
    });
}
