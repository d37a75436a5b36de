/** An answer to a probe, right or wrong on purpose. [MS-PCCRD] 2.2.2.2 */
import { type Endpoint, formatEndpoint, type Random, toHex } from "@branchcache/runtime";
import { newUuidUrn, type ServiceDescription, writeMessage } from "dgram-ws-discovery";
import { PEERDIST_NAMESPACE, TYPE_NAME } from "../kit/discovery-names.ts";
import type { SeenProbe } from "./probe.ts";

/** How much the peer says it has of one segment. */
interface Holding {
  /** 0 for none. */
  readonly heldBlocks: number;
  readonly totalBlocks: number;
}

/** What an answer says in place of the honest value. */
export interface MatchChanges {
  /** Default the probe's MessageID. */
  readonly relatesTo?: string;
  /** Each `host:port`. */
  readonly xAddrs?: readonly string[];
  /** Local name in Types. */
  readonly typeName?: string;
  readonly metadataVersion?: number;
  /** The element round BlockCount or SegmentAges. Default `PeerDistData`. */
  readonly wrapper?: string;
  readonly scopes?: readonly string[];
  /** Hexadecimal digits, of format 1.0. */
  readonly blockCount?: string;
  /** Write `e`, `a`, `d`, `p` for the prefixes `soap`, `wsa`, `wsd`, `PeerDist`. */
  readonly otherPrefixes?: boolean;
}

export interface MatchSource {
  readonly probe: SeenProbe;
  /** Index-aligned with the identifiers of the probe. */
  readonly holdings: readonly Holding[];
  readonly address: string;
  readonly peer: Endpoint;
  readonly random: Random;
  readonly messageNumber: number;
}

/** One datagram. */
export function probeMatch(source: MatchSource, changes: MatchChanges = {}): Uint8Array {
  const { probe, random } = source;
  const bytes = writeMessage(
    {
      version: probe.message.version,
      messageId: newUuidUrn(random),
      relatesTo: changes.relatesTo ?? probe.message.messageId,
      appSequence: { instanceId: 1, messageNumber: source.messageNumber },
      kind: "ProbeMatches",
      matches: [service(source, changes)],
    },
    { prefixes: { PeerDist: PEERDIST_NAMESPACE } },
  );
  if (changes.otherPrefixes !== true) return bytes;
  const text = new TextDecoder().decode(bytes);
  const renamed = Object.entries({ soap: "e", wsa: "a", wsd: "d", PeerDist: "p" }).reduce(
    (whole, [from, to]) =>
      whole.replaceAll(`${from}:`, `${to}:`).replaceAll(`xmlns:${from}=`, `xmlns:${to}=`),
    text,
  );
  return new TextEncoder().encode(renamed);
}

function service(source: MatchSource, changes: MatchChanges): ServiceDescription {
  const { probe, peer } = source;
  const format = probe.format ?? 1;
  const held = source.holdings.flatMap((holding, i) => (holding.heldBlocks > 0 ? [{ ...holding, i }] : []));
  const scopes =
    format === 1
      ? held.map(({ i }) => toHex(probe.ids[i] ?? new Uint8Array(0)).toUpperCase())
      : [holdingBits(source.holdings)];
  const counts = held
    .map(({ heldBlocks }) => heldBlocks.toString(16).toUpperCase().padStart(8, "0"))
    .join("");
  const detail =
    format === 1
      ? { uri: PEERDIST_NAMESPACE, local: "BlockCount", text: changes.blockCount ?? counts }
      : { uri: PEERDIST_NAMESPACE, local: "SegmentAges", text: segmentAges(held.map(({ i }) => i)) };
  return {
    address: source.address,
    types: [{ uri: PEERDIST_NAMESPACE, local: changes.typeName ?? TYPE_NAME[format] }],
    scopes: changes.scopes ?? scopes,
    xAddrs: changes.xAddrs ?? [formatEndpoint(peer)],
    metadataVersion: changes.metadataVersion ?? format,
    extensions: [{ uri: PEERDIST_NAMESPACE, local: changes.wrapper ?? "PeerDistData", children: [detail] }],
  };
}

/** Two bits for each identifier, from the top: held in part, held whole. 2.2.3.3 */
function holdingBits(holdings: readonly Holding[]): string {
  const packed = new Uint8Array(Math.ceil(holdings.length / 4));
  for (const [i, { heldBlocks, totalBlocks }] of holdings.entries()) {
    const bits = heldBlocks === 0 ? 0b00 : heldBlocks < totalBlocks ? 0b10 : 0b11;
    packed[i >> 2] = (packed[i >> 2] ?? 0) | (bits << (6 - 2 * (i & 3)));
  }
  return Buffer.from(packed).toString("base64");
}

/** A minute each, in hundredths of a second. [MS-PCCRR] 2.2.6.1 */
function segmentAges(indexes: readonly number[]): string {
  const bytes = [0, 1, 3, indexes.length, ...indexes.flatMap((index) => [index, 0x70, 0x17, 0x00])];
  return Buffer.from(bytes).toString("base64");
}
