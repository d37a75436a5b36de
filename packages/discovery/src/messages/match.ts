/** ProbeMatches in both formats. [MS-PCCRD] 2.2.2.2 */
import type { SegmentId } from "@branchcache/content-info";
import { fromHex, toHex } from "@branchcache/runtime";
import type { ServiceDescription, XmlElement } from "dgram-ws-discovery";
import { FORMATS, type FormatVersion, formatOf, PEERDIST } from "../names.ts";
import { type Holding, readHoldings, readSegmentAges, writeHoldings, writeSegmentAges } from "./binary.ts";
import type { PeerProbe } from "./probe.ts";

/** What a node holds of one segment. */
export interface HeldSegment {
  /** At least 1. */
  readonly heldBlocks: number;
  readonly totalBlocks: number;
  /** Wall time at which the segment came into the cache. */
  readonly createdMs: number;
}

export interface MatchSource {
  readonly address: string;
  readonly xAddrs: readonly string[];
  readonly probe: PeerProbe;
  /** Index-aligned with the probe. */
  readonly held: readonly (HeldSegment | undefined)[];
  readonly wallMs: number;
}

/** The answer in the probe's format; undefined if nothing is held. */
export function peerMatch(source: MatchSource): ServiceDescription | undefined {
  const { probe, held } = source;
  if (!held.some((segment) => segment && segment.heldBlocks > 0)) return undefined;
  const { type, metadataVersion } = FORMATS[probe.version];
  const [scopes, extension] = probe.version === 1 ? countedBlocks(source) : agedSegments(source);
  return {
    address: source.address,
    types: [type],
    scopes,
    xAddrs: source.xAddrs,
    metadataVersion,
    extensions: [{ uri: PEERDIST, local: "PeerDistData", children: [extension] }],
  };
}

type ScopesAndExtension = readonly [readonly string[], XmlElement];

function countedBlocks({ probe, held }: MatchSource): ScopesAndExtension {
  const scopes: string[] = [];
  let counts = "";
  for (const [i, text] of probe.texts.entries()) {
    const blocks = held[i]?.heldBlocks ?? 0;
    if (blocks === 0) continue;
    scopes.push(text);
    counts += blocks.toString(16).toUpperCase().padStart(8, "0");
  }
  return [scopes, { uri: PEERDIST, local: "BlockCount", text: counts }];
}

function agedSegments({ held, wallMs }: MatchSource): ScopesAndExtension {
  const ages = held.flatMap((segment, segmentIndex) =>
    segment ? [{ segmentIndex, ageMs: wallMs - segment.createdMs }] : [],
  );
  return [
    [writeHoldings(held.map(holdingOf))],
    { uri: PEERDIST, local: "SegmentAges", text: writeSegmentAges(ages) },
  ];
}

function holdingOf(segment: HeldSegment | undefined): Holding {
  if (!segment || segment.heldBlocks === 0) return "none";
  return segment.heldBlocks >= segment.totalBlocks ? "all" : "part";
}

/** One segment of a match as the answer tells it. */
export interface MatchedSegment {
  readonly id: SegmentId;
  /** Version 2.0. */
  readonly holding?: Holding;
  /** Version 1.0. */
  readonly heldBlocks?: number;
  /** Version 2.0, advisory. */
  readonly ageMs?: number;
}

/** The format of a match, if it is one of ours. */
export function matchFormat(service: ServiceDescription): FormatVersion | undefined {
  return formatOf(service.types);
}

/** Segments with at least one block, of a version 1.0 match. Undefined if malformed. [MS-PCCRD] 2.2.3.9 */
export function readCountedMatch(service: ServiceDescription): readonly MatchedSegment[] | undefined {
  const scopes = service.scopes ?? [];
  const digits = extensionText(service, "BlockCount");
  if (digits === undefined || scopes.length === 0 || !/^[0-9a-f]+$/i.test(digits)) return undefined;
  // Eight digits each; the published example prints four.
  const width = digits.length / scopes.length;
  if (width !== 8 && width !== 4) return undefined;
  const segments: MatchedSegment[] = [];
  for (const [i, scope] of scopes.entries()) {
    const id = fromHex(scope);
    if (!id) return undefined;
    const heldBlocks = Number.parseInt(digits.slice(i * width, (i + 1) * width), 16);
    if (heldBlocks > 0) segments.push({ id, heldBlocks });
  }
  return segments;
}

/** Segments held, of a version 2.0 match to a probe for `ids`. Undefined if malformed. [MS-PCCRD] 2.2.3.3 */
export function readAgedMatch(
  service: ServiceDescription,
  ids: readonly Uint8Array[],
): readonly MatchedSegment[] | undefined {
  const holdings = readHoldings((service.scopes ?? []).join(""), ids.length);
  if (!holdings) return undefined;
  const ages = readSegmentAges(extensionText(service, "SegmentAges") ?? "") ?? [];
  const ageOf = new Map(ages.map(({ segmentIndex, ageMs }) => [segmentIndex, ageMs]));
  return ids.flatMap((id, i) => {
    const holding = holdings[i] ?? "none";
    const ageMs = ageOf.get(i);
    return holding === "none" ? [] : [{ id, holding, ...(ageMs !== undefined && { ageMs }) }];
  });
}

/** Published as PeerDistData; drafts of 2012 wrap version 2.0 in PeerDistDataV2. */
function extensionText(service: ServiceDescription, local: string): string | undefined {
  for (const wrapper of service.extensions ?? []) {
    if (wrapper.uri !== PEERDIST || !/^PeerDistData(V2)?$/.test(wrapper.local)) continue;
    const found = wrapper.children?.find((child) => child.uri === PEERDIST && child.local === local);
    if (found) return (found.text ?? "").replace(/[ \t\r\n]+/g, "");
  }
  return undefined;
}

/** Key of tables: the identifier's bytes. */
export function segmentKey(id: Uint8Array): string {
  return toHex(id);
}
