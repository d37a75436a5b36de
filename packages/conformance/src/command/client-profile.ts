/** The commands of the client profiles: the kit is the server, and starts the client for each download. */
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { BranchCacheError, type Endpoint, errorMessage, type Random } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { Command } from "commander";
import type { Profile } from "../kit/check.ts";
import { commandClient } from "../stage/command-client.ts";
import { manualClient } from "../stage/manual-client.ts";
import { type FetchUrl, openStage, type StageOptions } from "../stage/stage.ts";
import { type ClientTarget, clientTarget } from "../stage/target.ts";
import { addRunOptions, parseWholeNumber, type RunCommandOptions, runCommand } from "./run-options.ts";
import { parseOwnAddress } from "./target-address.ts";

interface Options extends RunCommandOptions {
  readonly listen?: string;
  readonly run?: string;
  readonly manual?: boolean;
  readonly discoveryPort: number;
  readonly background: number;
  readonly tlsListen?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly expectToken?: boolean;
}

export interface ClientProfileHelp {
  readonly summary: string;
  readonly description: string;
  /** In place of the usual examples; `{profile}` stands for its name, `{check}` for the id of its first check. */
  readonly examples?: string;
  /** Add the options for offers of version 1.0. Default false. */
  readonly takesOffers?: boolean;
}

const EXAMPLES = `  branchcache-conformance {profile} --listen 192.0.2.1:8080 --run 'fetch-it {url} > {output}'
  branchcache-conformance {profile} --listen 192.0.2.1:8080 --manual --only {check}
  branchcache-conformance {profile} --listen 127.0.0.1:8080 --discovery-port 3799 \\
    --run 'branchcache get {url} -o {output} --no-daemon --interface 127.0.0.1 --discovery-port 3799'`;

export function clientProfileCommand(profile: Profile<ClientTarget>, help: ClientProfileHelp): Command {
  const command = new Command(profile.name)
    .summary(help.summary)
    .description(help.description)
    .option(
      "--listen <address:port>",
      "of this host, where the client reaches the content server of the kit; port 0 for any",
    )
    .option("--run <command>", "how the client downloads {url}: to {output}, or to its standard output")
    .option("--manual", "say what to download, and wait for Enter, instead of running a command")
    .option("--discovery-port <port>", "UDP port where the client looks for peers", parseWholeNumber, 3702)
    .option(
      "--background <ms>",
      "how long after a download the client may take to offer, or to ask for hashes",
      parseWholeNumber,
      2_000,
    );
  if (help.takesOffers) {
    command
      .option("--tls-listen <address:port>", "where offers of version 1.0 go")
      .option("--tls-cert <file>", "certificate for that, PEM: one that the client trusts")
      .option("--tls-key <file>", "its key, PEM")
      .option(
        "--expect-token",
        "the client has credentials for it: check that it answers HTTP 401 with a token of SPNEGO",
      );
  }
  const examples = (help.examples ?? EXAMPLES)
    .replaceAll("{profile}", profile.name)
    .replaceAll("{check}", profile.checks[0]?.id ?? "");
  return addRunOptions(command, { timeoutMs: 60_000, timeoutOf: "how long a download may take" })
    .addHelpText(
      "after",
      `
The kit plays everybody but the client: a content server on --listen, peers on
free ports of the same address, and the discovery of that address's link. Each
scene is one download of new content, so nothing that the client has cached
stands in the way. Peers and probes have to reach this host through its
firewall.

Examples:
${examples}`,
    )
    .action(async ({ run }: Options) => {
      await runCommand(command, profile, run ?? "a client worked by hand", (_, random) =>
        openTarget(command.opts<Options>(), random),
      );
    });
}

async function openTarget(options: Options, random: Random): Promise<ClientTarget & AsyncDisposable> {
  const { background: backgroundMs, discoveryPort, timeout: timeoutMs } = options;
  const listen = listenAddress(options.listen);
  const offers = await offersPlace(options);
  const client = chooseClient(options);
  const stage = await openStage({
    fetch: client.fetch,
    listen,
    discoveryPort,
    ...(offers && { offers }),
    clock: systemClock,
    random,
    timeoutMs,
    backgroundMs,
  });
  return {
    ...clientTarget(stage),
    async [Symbol.asyncDispose]() {
      client.close();
      await stage[Symbol.asyncDispose]();
    },
  };
}

async function offersPlace(options: Options): Promise<StageOptions["offers"]> {
  const { expectToken = false, tlsCert, tlsKey, tlsListen } = options;
  const given = [tlsListen, tlsCert, tlsKey];
  if (given.every((value) => value === undefined)) {
    if (!expectToken) return undefined;
    throw new BranchCacheError("BC_CONFORMANCE_INPUT", "--expect-token needs --tls-listen");
  }
  if (tlsListen === undefined || tlsCert === undefined || tlsKey === undefined) {
    throw new BranchCacheError(
      "BC_CONFORMANCE_INPUT",
      "--tls-listen, --tls-cert and --tls-key belong together",
    );
  }
  const read = (option: string, path: string) =>
    readFile(path, "utf8").catch((error) => {
      throw new BranchCacheError("BC_CONFORMANCE_INPUT", `${option}: ${errorMessage(error)}`, {
        cause: error,
      });
    });
  return {
    listen: listenAddress(tlsListen),
    certificate: { cert: await read("--tls-cert", tlsCert), key: await read("--tls-key", tlsKey) },
    expectsToken: expectToken,
  };
}

function listenAddress(text: string | undefined): Endpoint {
  if (text !== undefined) return parseOwnAddress(text);
  throw new BranchCacheError(
    "BC_CONFORMANCE_INPUT",
    "--listen is missing: an address of this host and a port",
  );
}

function chooseClient({ manual, run }: Options): { readonly fetch: FetchUrl; close(): void } {
  if (run !== undefined && manual !== true) return { fetch: commandClient(run), close() {} };
  if (run === undefined && manual === true) {
    const prompt = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
    return { fetch: manualClient(prompt), close: () => prompt.close() };
  }
  throw new BranchCacheError(
    "BC_CONFORMANCE_INPUT",
    "either --run or --manual is needed, to start the client",
  );
}
