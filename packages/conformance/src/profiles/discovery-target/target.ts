/** A host that answers probes, and the socket that asks it. */
import { isIPv6 } from "node:net";
import type { Segment } from "@branchcache/content-info";
import {
  BranchCacheError,
  type CancelTimer,
  type Clock,
  type Endpoint,
  errorMessage,
  type Random,
  type UdpPort,
  withoutZone,
} from "@branchcache/runtime";
import {
  type DiscoveryMessage,
  type ParsedElement,
  readMessage,
  type ServiceDescription,
} from "dgram-ws-discovery";
import { nodeDatagramPort } from "dgram-ws-discovery/node";
import { type Check, type Finding, finding } from "../../kit/check.ts";
import { PEERDIST_NAMESPACE } from "../../kit/discovery-names.ts";
import type { SentProbe } from "./probes.ts";

/** A host that answers probes, and how long its answers may take. [MS-PCCRD] 3.2 */
export interface DiscoveryTarget {
  /** Its address on the link, and the UDP port of WS-Discovery there. */
  readonly server: Endpoint;
  /** Local address, or zone of IPv6, of the interface that multicast leaves from. */
  readonly interface: string;
  /** Of content that the target holds whole. */
  readonly segments: readonly Segment[];
  /** For MessageIDs, and segments that nobody has. */
  readonly random: Random;
  /** Measures how long answers take. */
  readonly clock: Clock;
  /** Where probes leave from. Default: this host's UDP. */
  readonly udp?: UdpPort;
  /** The longest back-off that it may take, in milliseconds. Default 65. [MS-PCCRD] 3.2.2 */
  readonly backoffMs?: number;
  /** How long an answer may take altogether, in milliseconds. Default 1,000. */
  readonly timeoutMs?: number;
  /** How long silence has to last to count as no answer, in milliseconds. Default 300. */
  readonly quietMs?: number;
}

export type DiscoveryCheck = Check<DiscoveryTarget>;

/** How long silence has to last to count. */
export const QUIET_MS = 300;
const GROUPS = { 4: "239.255.255.250", 6: "ff02::c" } as const;

/** The segment that is asked for: any that the target holds. */
export function heldSegment({ segments }: DiscoveryTarget): Segment {
  const [first] = segments;
  if (first === undefined)
    throw new BranchCacheError("BC_CONFORMANCE_INPUT", "the Content Information has no segment");
  return first;
}

export interface Heard {
  /** Datagrams of the target that came to the prober's socket, in order. */
  readonly answers: readonly {
    readonly bytes: Uint8Array;
    readonly from: Endpoint;
    readonly afterMs: number;
  }[];
}

export interface SendOptions {
  /** Default "group". */
  readonly to?: "group" | "target";
  /** Default: the target's `timeoutMs`. */
  readonly listenMs?: number;
  /** The datagram is sent again this long after the first copy, in milliseconds, ascending. */
  readonly copiesAtMs?: readonly number[];
}

/**
 * Sends one datagram to the group, or to the target alone, and listens for at most `listenMs`: until the first
 * answer of the target or, where copies follow, until it was quiet after both the first answer and the last copy.
 */
export async function send(
  target: DiscoveryTarget,
  bytes: Uint8Array,
  options: SendOptions = {},
): Promise<Heard> {
  const { clock, quietMs = QUIET_MS, server, timeoutMs = 1_000, udp = nodeDatagramPort } = target;
  const { copiesAtMs = [], listenMs = timeoutMs, to = "group" } = options;
  const lastCopyAtMs = copiesAtMs.at(-1);
  const serverAddress = withoutZone(server.address);
  const family = isIPv6(serverAddress) ? 6 : 4;
  const destination = { address: to === "target" ? server.address : GROUPS[family], port: server.port };
  const answers: { bytes: Uint8Array; from: Endpoint; afterMs: number }[] = [];
  const timers: CancelTimer[] = [];
  let sentMs = 0;
  let onAnswer = (): void => {};
  const socket = await udp
    .open(
      {
        family,
        ...(family === 4 && { address: target.interface }),
        multicastInterface: family === 6 ? `::%${target.interface}` : target.interface,
      },
      (answer, from) => {
        if (withoutZone(from.address) !== serverAddress) return;
        answers.push({ bytes: answer, from, afterMs: clock.monotonicMs() - sentMs });
        onAnswer();
      },
    )
    .catch(throwSocketError);
  try {
    await new Promise<void>((resolve, reject) => {
      const sendCopy = (): void => void socket.send(bytes, destination).catch(reject);
      const cancelListening = clock.after(listenMs, resolve);
      onAnswer = () => {
        const [first] = answers;
        if (lastCopyAtMs === undefined) resolve();
        else if (first !== undefined && answers.length === 1) {
          cancelListening();
          timers.push(clock.after(Math.max(0, lastCopyAtMs - first.afterMs) + quietMs, resolve));
        }
      };
      timers.push(cancelListening, ...copiesAtMs.map((ms) => clock.after(ms, sendCopy)));
      sentMs = clock.monotonicMs();
      sendCopy();
    }).catch(throwSocketError);
  } finally {
    for (const cancel of timers) cancel();
    await socket.close();
  }
  return { answers };
}

function throwSocketError(error: unknown): never {
  throw new BranchCacheError("BC_CONFORMANCE_SOCKET", errorMessage(error), { cause: error });
}

export interface Answer {
  readonly message: DiscoveryMessage;
  readonly match: ServiceDescription;
  /** The datagram, decoded. */
  readonly text: string;
  readonly from: Endpoint;
  /** Time since the probe was sent. */
  readonly afterMs: number;
}

/** Sends a probe and reads its answer: the ProbeMatches, or why there is none. */
export async function ask(
  target: DiscoveryTarget,
  sent: SentProbe,
  to: "group" | "target" = "group",
): Promise<Answer | string> {
  const { answers } = await send(target, sent.bytes, { to });
  const [answer] = answers;
  if (!answer) return "no answer";
  const text = new TextDecoder().decode(answer.bytes);
  try {
    const message = readMessage(answer.bytes);
    if (message.kind !== "ProbeMatches") return message.kind;
    const [match] = message.matches;
    return match ? { message, match, text, from: answer.from, afterMs: answer.afterMs } : "no ProbeMatch";
  } catch (error) {
    return `${errorMessage(error)}: ${text.slice(0, 200)}`;
  }
}

/** Sends a probe, and holds that `fault` finds nothing wrong with its answer. */
export async function answerFinding(
  target: DiscoveryTarget,
  sent: SentProbe,
  expected: string,
  fault: (answer: Answer) => string | false | undefined,
  to: "group" | "target" = "group",
): Promise<Finding> {
  const answer = await ask(target, sent, to);
  const found = typeof answer === "string" ? answer : fault(answer) || "";
  const received =
    typeof answer === "string" ? answer : [found, shown(answer.text)].filter(Boolean).join("; ");
  return finding(found === "", shown(new TextDecoder().decode(sent.bytes)), received, expected);
}

/** Sends a datagram, and holds that the target does not answer it. */
export async function silenceFinding(
  target: DiscoveryTarget,
  bytes: Uint8Array,
  to: "group" | "target" = "group",
): Promise<Finding> {
  const { answers } = await send(target, bytes, { to, listenMs: target.quietMs ?? QUIET_MS });
  const received = answers[0] ? shown(new TextDecoder().decode(answers[0].bytes)) : "nothing";
  return finding(answers.length === 0, shown(new TextDecoder().decode(bytes)), received, "nothing");
}

/** A message as reports show it: from its SOAP body on, at most 600 characters. */
const shown = (text: string): string => {
  const body = text.indexOf(":Body>");
  const from = body < 0 ? text : text.slice(body + 6);
  return from.length > 600 ? `${from.slice(0, 600)}…` : from;
};

/** Text of an element of PeerDist:PeerDistData in a match. */
export function extensionText(match: ServiceDescription, name: string): string | undefined {
  const data = match.extensions?.find(
    ({ local, uri }) => uri === PEERDIST_NAMESPACE && local === "PeerDistData",
  );
  const found = data?.children?.find(({ local, uri }) => uri === PEERDIST_NAMESPACE && local === name);
  return (found as ParsedElement | undefined)?.text?.trim();
}
