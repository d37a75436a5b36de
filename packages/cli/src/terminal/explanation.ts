/** Why a download went as it did, for people: what came from where, and whom it was asked of. */
import type { DownloadReport, Explanation, SegmentExplanation } from "@branchcache/peer-node";
import { formatEndpoint } from "@branchcache/runtime";
import { table } from "./table.ts";
import { formatBytes, formatDuration } from "./units.ts";

export function explainText(report: DownloadReport): string {
  if (report.answer === "content") {
    return report.cached === "kept"
      ? "The origin had no Content Information yet and sent the content itself; it is cached and served from now on."
      : "The origin sent the content itself, without Content Information: there was nothing to look for in the branch.";
  }
  return report.explanation ? explanationText(report.explanation) : "";
}

export function explanationText(explanation: Explanation): string {
  return [questionsText(explanation), peersText(explanation), segmentsText(explanation)]
    .filter((part) => part !== "")
    .join("\n\n");
}

function questionsText({ questions, segments }: Explanation): string {
  if (questions.length === 0) {
    return segments.every(({ fetch }) => fetch === undefined)
      ? "Everything was in the own cache: nobody was asked."
      : "Nobody was asked in the branch.";
  }
  const asked = questions.reduce((sum, question) => sum + question.segments, 0);
  const answers = questions.reduce((sum, question) => sum + question.answers, 0);
  const silent = questions.filter((question) => question.answers === 0).length;
  return (
    `Asked the branch ${questions.length === 1 ? "once" : `${questions.length} times`} about ` +
    `${counted(asked, "segment")}: ${counted(answers, "answer")}` +
    (silent > 0 ? `, none to ${silent} of the questions.` : ".")
  );
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function peersText({ peers }: Explanation): string {
  if (peers.length === 0) return "";
  return table(
    ["peer", "requests", "blocks", "bytes", "empty", "time-outs", "failures", "lies", "dropped for"],
    peers.map(({ peer, requests, blocks, bytes, empty, timeouts, failures, lies, dropped }) => [
      peerName(peer),
      String(requests),
      String(blocks),
      formatBytes(bytes),
      String(empty),
      String(timeouts),
      String(failures),
      String(lies),
      dropped ?? "-",
    ]),
  );
}

/**
 * Adjacent segments that came in the same way share a row. Which of the peers gave a segment makes no difference:
 * else a content from two peers would have a row for every segment.
 */
function segmentsText(explanation: Explanation): string {
  const names = new Map(explanation.peers.map(({ peer }) => [peer.id, peerName(peer)]));
  const rows: { segments: SegmentExplanation[]; peers: Set<string>; story: Story }[] = [];
  for (const segment of explanation.segments) {
    const story = storyOf(segment, names);
    const last = rows.at(-1);
    if (last && sameStory(last.story, story)) {
      last.segments.push(segment);
      for (const peer of story.peers) last.peers.add(peer);
    } else rows.push({ segments: [segment], peers: new Set(story.peers), story });
  }
  if (rows.length === 0) return "";
  return table(
    ["from byte", "segments", "bytes", "until", "came from"],
    rows.map(({ peers, segments, story: { local, origin } }) => [
      String(segments[0]?.offsetBytes ?? 0),
      String(segments.length),
      formatBytes(segments.reduce((sum, segment) => sum + segment.lengthBytes, 0)),
      untilText(segments),
      [...(local ? ["own cache"] : []), ...peers, ...origin].join(", "),
    ]),
    ["right", "right", "right", "right", "left"],
  );
}

/** When the last of them was complete; a dash if all were in the own cache. */
function untilText(segments: readonly SegmentExplanation[]): string {
  const ends = segments.flatMap(({ fetch }) => (fetch ? [fetch.endedMs] : []));
  return ends.length === 0 ? "-" : formatDuration(ends.reduce((a, b) => Math.max(a, b)));
}

const REASONS = {
  "no-peer": "nobody said to have it",
  failed: "those who have it failed",
  timeout: "those who have it did not answer in time",
} as const;

interface Story {
  readonly local: boolean;
  readonly peers: readonly string[];
  /** Why something came from there, for each reason. */
  readonly origin: readonly string[];
}

function storyOf({ localBytes, fetch }: SegmentExplanation, names: ReadonlyMap<string, string>): Story {
  const name = (id: string) => names.get(id) ?? id;
  const missing = Object.keys(fetch?.missing ?? {}) as (keyof typeof REASONS)[];
  const asked = fetch?.asked.map(name).join(", ");
  return {
    local: localBytes > 0,
    peers: Object.keys(fetch?.bytesFrom ?? {}).map(name),
    origin: missing.map((reason) => `origin (${REASONS[reason]}${asked ? `; asked ${asked}` : ""})`),
  };
}

function sameStory(a: Story, b: Story): boolean {
  return (
    a.local === b.local && a.peers.length > 0 === b.peers.length > 0 && a.origin.join() === b.origin.join()
  );
}

function peerName(peer: Explanation["peers"][number]["peer"]): string {
  const [address] = peer.addresses;
  return address ? formatEndpoint(address) : peer.id;
}
