/** ProbeMatches in both formats. [MS-PCCRD] 2.2.2.2 */
import type { SegmentId } from "@branchcache/content-info";
import { fromHex } from "@branchcache/runtime";
import { MatchTemplate, type ServiceDescription } from "dgram-ws-discovery";
import { FORMATS, type FormatVersion, formatOf, PEERDIST } from "../formats.ts";
import { type Holding, readHoldings, readSegmentAges, writeHoldings, writeSegmentAges } from "./binary.ts";
import type { PeerProbe } from "./probe.ts";

/** What a node holds of one segment. */
export interface HeldSegment {
  /** At least 1. */
  readonly heldBlocks: number;
  /** All blocks of the segment, held or not. */
  readonly totalBlocks: number;
  /** Wall time at which the segment came into the cache. */
  readonly createdMs: number;
}

/** The template of the answers of one endpoint in one format that tell these addresses. */
export function answerTemplate(
  version: FormatVersion,
  address: string,
  xAddrs: readonly string[],
): MatchTemplate {
  const { type, metadataVersion } = FORMATS[version];
  const local = version === 1 ? "BlockCount" : "SegmentAges";
  return new MatchTemplate(2, ([scopes = "", text = ""]) => ({
    address,
    types: [type],
    scopes: scopes.split(" "),
    xAddrs,
    metadataVersion,
    extensions: [{ uri: PEERDIST, local: "PeerDistData", children: [{ uri: PEERDIST, local, text }] }],
  }));
}

/** The texts for `answerTemplate`. `held` is index-aligned with the identifiers of the probe; undefined if none is held. */
export function answerTexts(
  probe: PeerProbe,
  held: readonly (HeldSegment | undefined)[],
  wallMs: number,
): readonly [scopes: string, extension: string] | undefined {
  if (!held.some(hasBlocks)) return undefined;
  return probe.version === 1 ? countedBlocks(probe, held) : agedSegments(held, wallMs);
}

export function hasBlocks(segment: HeldSegment | undefined): boolean {
  return segment !== undefined && segment.heldBlocks > 0;
}

function countedBlocks({ texts }: PeerProbe, held: readonly (HeldSegment | undefined)[]) {
  let scopes = "";
  let counts = "";
  for (let i = 0; i < texts.length; i++) {
    const blocks = held[i]?.heldBlocks ?? 0;
    if (blocks === 0) continue;
    scopes += scopes === "" ? texts[i] : ` ${texts[i]}`;
    counts += blocks.toString(16).toUpperCase().padStart(8, "0");
  }
  return [scopes, counts] as const;
}

function agedSegments(held: readonly (HeldSegment | undefined)[], wallMs: number) {
  const ageMsOf = (index: number) => {
    const segment = held[index];
    return segment && wallMs - segment.createdMs;
  };
  return [
    writeHoldings(held.length, (index) => holdingOf(held[index])),
    writeSegmentAges(held.length, ageMsOf),
  ] as const;
}

function holdingOf(segment: HeldSegment | undefined): Holding {
  if (!segment || segment.heldBlocks === 0) return "none";
  return segment.heldBlocks >= segment.totalBlocks ? "all" : "part";
}

/** What a match says of one segment. */
export interface MatchedSegment {
  readonly id: SegmentId;
  /** In format 2.0 only. */
  readonly holding?: Holding;
  /** In format 1.0 only. */
  readonly heldBlocks?: number;
  /** In format 2.0 only, and advisory. */
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
  // Eight digits for each segment; the published example has four.
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

let keyCodes: number[] = [];

/** A key for tables: one character for each byte of the identifier. */
export function segmentKey(id: Uint8Array): string {
  const { length } = id;
  if (keyCodes.length !== length) keyCodes = new Array<number>(length).fill(0);
  for (let i = 0; i < length; i++) keyCodes[i] = id[i]!;
  return String.fromCharCode(...keyCodes);
}
