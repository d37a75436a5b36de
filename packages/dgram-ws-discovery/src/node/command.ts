/** The command: who is on the link, and who comes and goes. */
import { parseArgs } from "node:util";
import { DISCOVERY_PORT } from "../limits.ts";
import type { Probe, ServiceDescription } from "../message/types.ts";
import { type ProtocolVersion, VERSIONS } from "../protocol/versions.ts";
import type { ReceivedMatch, WsDiscovery, WsDiscoveryOptions } from "../types.ts";
import { watchServices } from "../watch.ts";
import { openWsDiscovery } from "../ws-discovery.ts";
import type { QName } from "../xml/element.ts";
import { CUSTOMARY_PREFIXES } from "../xml/write.ts";

const USAGE = `Usage: dgram-ws-discovery probe [options]      ask who is there
       dgram-ws-discovery resolve ADDRESS      ask where an endpoint is
       dgram-ws-discovery listen [options]     show who comes, changes and goes

  --type TYPE              only services of this type; may be repeated
  --scope URI              only services in this scope; may be repeated
  --match-by RULE          rule for scopes: a URI, or rfc2396, uuid, ldap, strcmp0
  --protocol VERSION       2005/04 (default) or 2009/01
  --interface NAME         name or address; may be repeated; default: all but loopback
  --timeout MS             how long to wait for answers (default 2000)
  --port PORT              UDP port (default 3702)
  --json                   one JSON object a line
  --help, --version

A type is {NAMESPACE}NAME, or PREFIX:NAME with one of the prefixes
  ${Object.values(CUSTOMARY_PREFIXES).join(", ")}

Examples:
  dgram-ws-discovery probe                    whoever is there
  dgram-ws-discovery probe --type pub:Computer
  dgram-ws-discovery probe --type dn:NetworkVideoTransmitter
  dgram-ws-discovery probe --type wprt:PrintDeviceType
  dgram-ws-discovery probe --type '{http://example.org/ns}Name'

Status: 0 somebody was found, 1 nobody, 2 wrong usage.
`;

/** What the command needs from the process. */
export interface CommandIo {
  readonly network: Pick<WsDiscoveryOptions, "clock" | "random" | "datagrams">;
  out(text: string): void;
  err(text: string): void;
  /** Ends `listen`. */
  readonly signal: AbortSignal;
  readonly version: string;
}

type Settings = ReturnType<typeof readArguments>;

/** The exit status: 0 for found, 1 for nobody, 2 for wrong usage. */
export async function runCommand(args: readonly string[], io: CommandIo): Promise<number> {
  let settings: Settings;
  try {
    settings = readArguments(args);
  } catch (error) {
    io.err(`${error instanceof Error ? error.message : String(error)}\nSee dgram-ws-discovery --help\n`);
    return 2;
  }
  if (settings.help || settings.printsVersion) {
    io.out(settings.help ? USAGE : `${io.version}\n`);
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
    if (discovery.links.length === 0 && settings.command !== "listen") {
      io.err("no interface to ask on\n");
      return 2;
    }
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
      const show = (match: ReceivedMatch) => {
        if (!seen.has(match.service.address)) io.out(matchText(match, settings));
        seen.add(match.service.address);
      };
      const ask = async (probe: Probe) => {
        for await (const match of discovery.probe(probe, { version, timeoutMs })) show(match);
      };
      await Promise.all(questions(settings).map(ask));
      if (seen.size === 0) io.err(`nobody answered within ${timeoutMs} ms\n`);
      return seen.size > 0 ? 0 : 1;
    }
    case "resolve": {
      const match = await discovery.resolve(settings.address, { version, timeoutMs });
      if (match) io.out(matchText(match, settings));
      else io.err(`nobody answered within ${timeoutMs} ms\n`);
      return match ? 0 : 1;
    }
    case "listen":
      try {
        const watching = watchServices(discovery, { signal: io.signal, resolveMs: timeoutMs });
        for await (const { change, service } of watching) io.out(serviceText(service, settings, { change }));
      } catch (error) {
        if (!io.signal.aborted) throw error;
      }
      return 0;
  }
}

/** Some answer only when they are asked for their type: wsdd does, as computers have it. */
function questions({ probe, version }: Settings): Probe[] {
  return probe.types ? [probe] : [probe, { ...probe, types: [DEVICE[version]] }];
}

/** Of DPWS, in the version that goes with each of WS-Discovery. */
const DEVICE: Readonly<Record<ProtocolVersion, QName>> = {
  "2005/04": { uri: "http://schemas.xmlsoap.org/ws/2006/02/devprof", local: "Device" },
  "2009/01": { uri: "http://docs.oasis-open.org/ws-dd/ns/dpws/2009/01", local: "Device" },
};

function matchText({ service, from }: ReceivedMatch, settings: Settings): string {
  return serviceText(service, settings, { from: from.address });
}

function serviceText(
  service: ServiceDescription,
  { json }: Settings,
  { change, from }: { readonly change?: string; readonly from?: string },
): string {
  const { address, types, scopes, xAddrs, metadataVersion } = service;
  if (json) return `${JSON.stringify({ change, address, types, scopes, xAddrs, metadataVersion, from })}\n`;
  const lines = [change === undefined ? printable(address) : `${change} ${printable(address)}`];
  if (types?.length) lines.push(`  types   ${types.map(nameText).map(printable).join(" ")}`);
  if (scopes?.length) lines.push(`  scopes  ${scopes.map(printable).join(" ")}`);
  if (xAddrs?.length) lines.push(`  at      ${xAddrs.map(printable).join(" ")}`);
  if (from !== undefined) lines.push(`  from    ${printable(from)}`);
  return `${lines.join("\n")}\n`;
}

function nameText({ uri, local }: QName): string {
  const prefix = CUSTOMARY_PREFIXES[uri];
  if (prefix !== undefined) return `${prefix}:${local}`;
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
      version: { type: "boolean", default: false },
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
    printsVersion: values.version,
  };
}

function readName(text: string): QName {
  const [, prefix, known] = /^([^{}:\s]+):([^{}:\s]+)$/.exec(text) ?? [];
  for (const [uri, customary] of Object.entries(CUSTOMARY_PREFIXES)) {
    if (known !== undefined && prefix === customary) return { uri, local: known };
  }
  const [, uri = "", local] = /^(?:\{([^{}]*)\})?([^{}:\s]+)$/.exec(text) ?? [];
  if (local !== undefined) return { uri, local };
  throw new Error(`--type: ${printable(text)} is not {NAMESPACE}NAME, and has no prefix that is known`);
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
