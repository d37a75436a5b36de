/** The command: who is on the link, and who comes and goes. */
import { parseArgs } from "node:util";
import { DISCOVERY_PORT } from "../limits.ts";
import type { ServiceDescription } from "../message/types.ts";
import { type ProtocolVersion, VERSIONS } from "../protocol/versions.ts";
import { watchServices } from "../watch.ts";
import { openWsDiscovery, type WsDiscovery, type WsDiscoveryOptions } from "../ws-discovery.ts";
import type { QName } from "../xml/element.ts";

const USAGE = `Usage: dgram-ws-discovery probe [options]      ask who is there
       dgram-ws-discovery resolve ADDRESS      ask where an endpoint is
       dgram-ws-discovery listen [options]     show who comes, changes and goes

  --type {NAMESPACE}NAME   only services of this type; may be repeated
  --scope URI              only services in this scope; may be repeated
  --match-by RULE          rule for scopes: a URI, or rfc2396, uuid, ldap, strcmp0
  --protocol VERSION       2005/04 (default) or 2009/01
  --interface NAME         name or address; may be repeated; default: all but loopback
  --timeout MS             how long to wait for answers (default 2000)
  --port PORT              UDP port (default 3702)
  --json                   one JSON object a line
  --help

Examples:
  dgram-ws-discovery probe                    whoever answers to any question
  dgram-ws-discovery probe --type '{http://schemas.xmlsoap.org/ws/2006/02/devprof}Device'
                                              devices, and computers
  dgram-ws-discovery probe --type '{http://www.onvif.org/ver10/network/wsdl}NetworkVideoTransmitter'
  dgram-ws-discovery probe --type '{http://schemas.microsoft.com/windows/2006/08/wdp/print}PrintDeviceType'

Status: 0 somebody was found, 1 nobody, 2 wrong usage.
`;

/** What the command needs from the process. */
export interface CommandIo {
  readonly network: Pick<WsDiscoveryOptions, "clock" | "random" | "datagrams">;
  out(text: string): void;
  err(text: string): void;
  /** Ends `listen`. */
  readonly signal: AbortSignal;
}

type Settings = ReturnType<typeof readArguments>;

/** The exit status: 0 for found, 1 for nobody, 2 for wrong usage. */
export async function runCommand(args: readonly string[], io: CommandIo): Promise<number> {
  let settings: Settings;
  try {
    settings = readArguments(args);
  } catch (error) {
    io.err(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (settings.help) {
    io.out(USAGE);
    return 0;
  }
  const discovery = await openWsDiscovery({
    ...io.network,
    port: settings.port,
    versions: [settings.version],
    ...(settings.interfaces && { interfaces: settings.interfaces }),
    onError: (error) => io.err(`${error.message}\n`),
  });
  try {
    return await run(discovery, settings, io);
  } finally {
    await discovery.close();
  }
}

async function run(discovery: WsDiscovery, settings: Settings, io: CommandIo): Promise<number> {
  const { version, timeoutMs } = settings;
  switch (settings.command) {
    case "probe": {
      const seen = new Set<string>();
      for await (const match of discovery.probe(settings.probe, { version, timeoutMs })) {
        if (!seen.has(match.service.address)) show(match.service, settings, io);
        seen.add(match.service.address);
      }
      if (seen.size === 0) {
        const hint = settings.probe.types ? "" : "; some answer only when asked for their type, see --help";
        io.err(`nobody answered within ${timeoutMs} ms${hint}\n`);
      }
      return seen.size > 0 ? 0 : 1;
    }
    case "resolve": {
      const match = await discovery.resolve(settings.address, { version, timeoutMs });
      if (match) show(match.service, settings, io);
      else io.err(`nobody answered within ${timeoutMs} ms\n`);
      return match ? 0 : 1;
    }
    case "listen":
      try {
        for await (const { change, service } of watchServices(discovery, { signal: io.signal })) {
          show(service, settings, io, change);
        }
      } catch (error) {
        if (!io.signal.aborted) throw error;
      }
      return 0;
  }
}

function show(service: ServiceDescription, settings: Settings, io: CommandIo, change?: string): void {
  const { address, types, scopes, xAddrs, metadataVersion } = service;
  if (settings.json) {
    io.out(`${JSON.stringify({ change, address, types, scopes, xAddrs, metadataVersion })}\n`);
    return;
  }
  const lines = [change === undefined ? printable(address) : `${change} ${printable(address)}`];
  if (types?.length) lines.push(`  types   ${types.map(nameText).map(printable).join(" ")}`);
  if (scopes?.length) lines.push(`  scopes  ${scopes.map(printable).join(" ")}`);
  if (xAddrs?.length) lines.push(`  at      ${xAddrs.map(printable).join(" ")}`);
  io.out(`${lines.join("\n")}\n`);
}

function nameText({ uri, local }: QName): string {
  return uri === "" ? local : `{${uri}}${local}`;
}

/** What came from the network must not steer the terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
}

function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      type: { type: "string", multiple: true },
      scope: { type: "string", multiple: true },
      "match-by": { type: "string" },
      protocol: { type: "string", default: "2005/04" },
      interface: { type: "string", multiple: true },
      timeout: { type: "string", default: "2000" },
      port: { type: "string", default: String(DISCOVERY_PORT) },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const [command = "probe", address = "", ...rest] = positionals;
  const version = oneOf<ProtocolVersion>("--protocol", values.protocol, ["2005/04", "2009/01"]);
  const needsAddress = command === "resolve" && !values.help;
  if (rest.length > 0 || needsAddress !== (address !== "")) throw new Error("wrong number of arguments");
  const matchBy = values["match-by"];
  return {
    command: oneOf("command", command, ["probe", "resolve", "listen"]),
    address,
    version,
    probe: {
      ...(values.type && { types: values.type.map(readName) }),
      ...((values.scope || matchBy !== undefined) && { scopes: values.scope ?? [] }),
      ...(matchBy !== undefined && {
        matchBy: matchBy.includes(":") ? matchBy : `${VERSIONS[version].discovery}/${matchBy}`,
      }),
    },
    interfaces: values.interface,
    timeoutMs: readNumber("--timeout", values.timeout, 600_000),
    port: readNumber("--port", values.port, 65_535),
    json: values.json,
    help: values.help,
  };
}

function readName(text: string): QName {
  const match = /^(?:\{([^{}]*)\})?([^{}:\s]+)$/.exec(text);
  if (!match) throw new Error(`--type: ${printable(text)} is not {NAMESPACE}NAME`);
  return { uri: match[1] ?? "", local: match[2] ?? "" };
}

function readNumber(name: string, text: string, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > max) throw new Error(`${name}: 1 to ${max}`);
  return value;
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === text);
  if (found === undefined) throw new Error(`${name}: one of ${allowed.join(", ")}`);
  return found;
}
