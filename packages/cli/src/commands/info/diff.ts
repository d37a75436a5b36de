/** Which segments two Content Informations share: what a branch that holds one saves on the other. */
import type { ContentInformation, Segment } from "@branchcache/content-info";
import { toHex } from "@branchcache/runtime";
import { formatBytes, formatCount, formatShare } from "../../terminal/units.ts";
import { SEGMENTS_SHOWN, shortId } from "./format.ts";

export interface ContentDiff {
  readonly first: SideOfDiff;
  readonly second: SideOfDiff;
  /** In the order of the first. */
  readonly shared: readonly SharedSegment[];
}

/** Where both have it; the second may have it in further places. */
interface SharedSegment {
  readonly segment: Segment;
  readonly offsetInSecondBytes: number;
}

interface SideOfDiff {
  readonly version: ContentInformation["version"];
  readonly algorithm: ContentInformation["algorithm"];
  readonly segments: number;
  readonly lengthBytes: number;
  readonly sharedSegments: number;
  readonly sharedBytes: number;
  /** Not shared, although the other has the same data: it is published under another server secret. */
  readonly otherSecretSegments: number;
  readonly own: readonly Segment[];
}

/** Segments are the same when their identifiers are. [MS-PCCRC] 2.1 */
export function diffContent(first: ContentInformation, second: ContentInformation): ContentDiff {
  const places = new Map<string, number>();
  for (const { id, offsetBytes } of second.segments) {
    if (!places.has(toHex(id))) places.set(toHex(id), offsetBytes);
  }
  const shared = first.segments.flatMap((segment) => {
    const offsetInSecondBytes = places.get(toHex(segment.id));
    return offsetInSecondBytes === undefined ? [] : [{ segment, offsetInSecondBytes }];
  });
  return { first: side(first, second), second: side(second, first), shared };
}

function side(content: ContentInformation, other: ContentInformation): SideOfDiff {
  const { version, algorithm } = content;
  const others = new Set(other.segments.map((segment) => toHex(segment.id)));
  const own = content.segments.filter((segment) => !others.has(toHex(segment.id)));
  const othersData = new Set(isComparable(content, other) ? other.segments.map(dataOf) : []);
  const total = lengthOf(content.segments);
  return {
    version,
    algorithm,
    segments: content.segments.length,
    lengthBytes: total,
    sharedSegments: content.segments.length - own.length,
    sharedBytes: total - lengthOf(own),
    otherSecretSegments: own.filter((segment) => othersData.has(dataOf(segment))).length,
    own,
  };
}

type Kind = Pick<ContentInformation, "version" | "algorithm">;

/** Versions cut and hash differently, algorithms hash differently: between them nothing is ever shared. */
function isComparable(one: Kind, other: Kind): boolean {
  return one.version === other.version && one.algorithm === other.algorithm;
}

const dataOf = (segment: Segment) => toHex(segment.hashOfData);

/** All segments, the shared ones too, or some of those that only one of the two has. */
export function diffText({ first, second, shared }: ContentDiff, everySegment: boolean): string {
  const line = (name: string, one: SideOfDiff) =>
    `${name}  ${one.sharedSegments} of ${one.segments} segments shared, ` +
    `${formatBytes(one.sharedBytes)} of ${formatBytes(one.lengthBytes)} (${formatShare(one.sharedBytes, one.lengthBytes)})`;
  const lines = [line("first ", first), line("second", second)];
  if (!isComparable(first, second)) {
    const kind = ({ version, algorithm }: Kind) => `version ${version}.0 with ${algorithm}`;
    lines.push(`${kind(first)} and ${kind(second)} share no segments, whatever the content`);
  }
  if (first.otherSecretSegments > 0) {
    const some = formatCount(first.otherSecretSegments, "segment");
    lines.push(`${some} with the same data under another server secret: not shared unless the secret is`);
  }
  if (everySegment) {
    for (const { segment, offsetInSecondBytes } of shared) {
      const to = offsetInSecondBytes === segment.offsetBytes ? "" : `, and at ${offsetInSecondBytes}`;
      lines.push(`= ${placeText(segment)}${to}`);
    }
  }
  for (const [sign, { own }] of [
    ["-", first],
    ["+", second],
  ] as const) {
    const listed = everySegment ? own : own.slice(0, SEGMENTS_SHOWN);
    for (const segment of listed) lines.push(`${sign} ${placeText(segment)}`);
    if (listed.length < own.length) {
      lines.push(`${sign} ... ${own.length - listed.length} more (--segments lists all)`);
    }
  }
  return lines.join("\n");
}

function placeText(segment: Segment): string {
  return `${shortId(segment)}  ${segment.lengthBytes} bytes at ${segment.offsetBytes}`;
}

export function diffJson({ first, second, shared }: ContentDiff): Record<string, unknown> {
  const json = (one: SideOfDiff) => ({
    version: one.version,
    algorithm: one.algorithm,
    segments: one.segments,
    length_bytes: one.lengthBytes,
    shared_segments: one.sharedSegments,
    shared_bytes: one.sharedBytes,
    other_secret_segments: one.otherSecretSegments,
    own: one.own.map(({ id, offsetBytes, lengthBytes }) => ({
      id: toHex(id),
      offset_bytes: offsetBytes,
      length_bytes: lengthBytes,
    })),
  });
  return {
    first: json(first),
    second: json(second),
    shared: shared.map(({ segment, offsetInSecondBytes }) => ({
      id: toHex(segment.id),
      length_bytes: segment.lengthBytes,
      offset_in_first_bytes: segment.offsetBytes,
      offset_in_second_bytes: offsetInSecondBytes,
    })),
  };
}

function lengthOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.lengthBytes, 0);
}
