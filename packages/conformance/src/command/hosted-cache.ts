import { systemClock } from "@branchcache/runtime/node";
import { Command } from "commander";
import { hostedCache } from "../profiles/hosted-cache/profile.ts";
import { openSource } from "../profiles/hosted-cache/source.ts";
import { addRunOptions, type RunCommandOptions, runCommand } from "./run-options.ts";
import { parseListen, parseTarget } from "./target-address.ts";

interface Options extends RunCommandOptions {
  readonly tls?: string;
  readonly listen?: string;
  readonly expect401?: boolean;
}

export function hostedCacheCommand(): Command {
  const command = new Command(hostedCache.name)
    .summary("whoever takes offers of segments and pulls them ([MS-PCHC])")
    .description(
      "Makes up content, offers it to the target, and gives it the blocks when it pulls them: offers of " +
        "version 2.0 by HTTP, and of version 1.0 by TLS where --tls says where. The target must be able to " +
        "connect to this machine; its certificate is not checked. It is left with some kilobytes of content " +
        "that nobody wants.",
    )
    .argument("[target]", "its host and TCP port for version 2.0: 192.0.2.1:80, [2001:db8::1]:80")
    .option("--tls <host:port>", "where it takes offers of version 1.0: 192.0.2.1:443")
    .option(
      "--expect-401",
      "it demands authorization at --tls, of which the kit has none: check that it does, and no more of version 1.0",
    )
    .option(
      "--listen <[host:]port>",
      "where the target pulls from; all addresses and a free port by default",
    );
  return addRunOptions(command)
    .addHelpText(
      "after",
      `
A cache refuses to pull from loopback unless it is told otherwise: run this on
another machine, or set the cache to allow it.

Examples:
  branchcache-conformance hosted-cache 192.0.2.1:80
  branchcache-conformance hosted-cache 192.0.2.1:80 --tls 192.0.2.1:443 --listen 8081
  branchcache-conformance hosted-cache 192.0.2.1:80 --tls 192.0.2.1:443 --expect-401`,
    )
    .action(async (targetName: string | undefined, options: Options) => {
      const { expect401 = false, listen, timeout, tls } = options;
      if (expect401 && tls === undefined) command.error("error: --expect-401 needs --tls");
      await runCommand(command, hostedCache, targetName, async (name, random) => {
        const server = parseTarget(name);
        const tlsServer = tls === undefined ? undefined : { ...parseTarget(tls), tls: {} };
        const source = await openSource({
          random,
          clock: systemClock,
          patienceMs: timeout,
          ...(listen !== undefined && { listen: parseListen(listen) }),
        });
        return {
          server,
          ...(tlsServer && { tlsServer }),
          expects401: expect401,
          source,
          random,
          clock: systemClock,
          timeoutMs: timeout,
          [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
        };
      });
    });
}
