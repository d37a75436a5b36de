/** How a client asks the origin. [MS-PCCRTP] 2.2, 3.1.4 */
import { type Finding, finding, skipped } from "../../kit/check.ts";
import { blocksOf } from "../../stage/content.ts";
import {
  codings,
  isHashRequest,
  isMissingDataRequest,
  type OriginRequest,
  offersPeerdist,
  parameters,
  plainReply,
  readRange,
} from "../../stage/origin.ts";
import type { Played, Scene } from "../../stage/stage.ts";
import { type ClientCheck, type ClientTarget, wrongContent } from "../../stage/target.ts";

/** A scene without peers: everything comes from the origin. */
export const ALONE: Scene = { peers: [] };

/** A request as reports show it. */
function requestText({ method, headers, httpVersion }: OriginRequest): string {
  const told = ["accept-encoding", "range", "if-range", "if-match", "x-p2p-peerdist", "x-p2p-peerdistex"];
  const fields = told.flatMap((name) => (headers[name] === undefined ? [] : [`${name}: ${headers[name]}`]));
  return [`${method} HTTP/${httpVersion}`, ...fields].join(", ");
}

export const isOffer = (request: OriginRequest): boolean =>
  offersPeerdist(request) && !isMissingDataRequest(request);
/** A GET that does not offer the coding: for what peers lack, or for all of the content. */
export const isPlainRequest = (request: OriginRequest): boolean =>
  request.method === "GET" && !isOffer(request);

/** A rule for the first request that offers the coding. */
function offerRule(
  check: Omit<ClientCheck, "run">,
  expected: string,
  broken: (request: OriginRequest) => string | undefined,
): ClientCheck {
  return {
    ...check,
    async run(target) {
      const { originRequests } = await target.honest(2);
      const offer = originRequests.find((request) => codings(request).includes("peerdist"));
      if (!offer) return finding(false, "content", "no request with peerdist in Accept-Encoding", expected);
      const wrong = broken(offer);
      return finding(wrong === undefined, "content", wrong ?? requestText(offer), expected);
    },
  };
}

const version = (request: OriginRequest) => parameters(request.headers["x-p2p-peerdist"])["Version"];
const extended = (request: OriginRequest) => parameters(request.headers["x-p2p-peerdistex"]);

/** A rule for the requests for missing data, in a scene without peers. */
async function missingData(
  target: ClientTarget,
  expected: string,
  broken: (request: OriginRequest, played: Played) => string | undefined,
): Promise<Finding> {
  const played = await target.stage.play(ALONE);
  const requests = played.originRequests.filter(isPlainRequest);
  const wrong =
    wrongContent(played) ??
    (requests.length === 0 ? "no request for the missing data" : undefined) ??
    requests.map((request) => broken(request, played)).find((reason) => reason !== undefined);
  return finding(wrong === undefined, "no peer", wrong ?? requests.map(requestText).join("; "), expected);
}

/** An origin that never has the hashes, and asks to come back for them. */
const UNHASHED: Scene = {
  peers: [],
  origin(request, content) {
    if (!isOffer(request)) return undefined;
    const { status, headers, body } = plainReply(request, content);
    const asking = { "X-P2P-PeerDist": "Version=1.1", "X-P2P-PeerDistEx": "MakeHashRequest=true" };
    return { status, headers: { ...headers, ...asking }, body };
  },
};

export const requestChecks: readonly ClientCheck[] = [
  offerRule(
    {
      id: "offers-peerdist",
      requirements: ["PCCRTP-3", "PCCRTP-4"],
      level: "MUST",
      title: "lists peerdist in Accept-Encoding, over HTTP/1.1",
    },
    "GET by HTTP/1.1 with peerdist in Accept-Encoding",
    (request) =>
      request.httpVersion === "1.1" && request.method === "GET" ? undefined : requestText(request),
  ),
  offerRule(
    {
      id: "coding-version",
      requirements: ["PCCRTP-7", "PCCRTP-9", "PCCRTP-19", "PCCRTP-20"],
      level: "MUST",
      title: "tells its version in X-P2P-PeerDist",
    },
    "X-P2P-PeerDist: Version=1.0 or 1.1",
    (request) => (/^1\.[01]$/.test(version(request) ?? "") ? undefined : requestText(request)),
  ),
  offerRule(
    {
      id: "content-information-versions",
      requirements: ["PCCRTP-14", "PCCRTP-15", "PCCRTP-21"],
      level: "MUST",
      title: "tells with version 1.1 which versions of Content Information it reads, from 1.0 on",
    },
    "X-P2P-PeerDistEx: MinContentInformation=1.0, MaxContentInformation=1.0 or 2.0",
    (request) => {
      if (version(request) !== "1.1") return undefined;
      const { MinContentInformation: min, MaxContentInformation: max } = extended(request);
      return min === "1.0" && (max === "1.0" || max === "2.0") ? undefined : requestText(request);
    },
  ),
  offerRule(
    {
      id: "no-hash-request-unasked",
      requirements: ["PCCRTP-17"],
      level: "MUST",
      title: "sends no HashRequest before it was asked to",
    },
    "no HashRequest",
    (request) => (isHashRequest(request) ? requestText(request) : undefined),
  ),
  offerRule(
    {
      id: "no-missing-data-at-first",
      requirements: ["PCCRTP-13"],
      level: "MUST",
      title: "does not send MissingDataRequest and peerdist together",
    },
    "no MissingDataRequest beside peerdist",
    (request) => (isMissingDataRequest(request) ? requestText(request) : undefined),
  ),
  {
    id: "missing-data",
    requirements: ["PCCRTP-12", "PCCRTP-41"],
    level: "MUST",
    title: "fetches from the origin, and marks as missing data, what peers do not have",
    run: (target) =>
      missingData(target, "MissingDataRequest=true", (request) =>
        isMissingDataRequest(request) ? undefined : requestText(request),
      ),
  },
  {
    id: "missing-data-without-coding",
    requirements: ["PCCRTP-13"],
    level: "MUST",
    title: "leaves peerdist out of requests for missing data",
    async run({ stage }) {
      const played = await stage.play(ALONE);
      const both = played.originRequests.find(
        (request) => isMissingDataRequest(request) && codings(request).includes("peerdist"),
      );
      return finding(
        both === undefined && played.right,
        "no peer",
        both ? requestText(both) : (wrongContent(played) ?? "no such request"),
        "no peerdist in Accept-Encoding beside MissingDataRequest",
      );
    },
  },
  {
    id: "missing-data-guarded",
    requirements: ["PCCRTP-38"],
    level: "SHOULD",
    title: "ties missing data to the representation that the Content Information is about",
    run: (target) =>
      missingData(
        target,
        "If-Range or If-Match with the ETag of the first answer",
        (request, { content }) => {
          const guard = request.headers["if-range"] ?? request.headers["if-match"];
          return !readRange(request) || guard === content.etag ? undefined : requestText(request);
        },
      ),
  },
  {
    id: "missing-data-only",
    requirements: ["PCCRTP-12"],
    level: "SHOULD",
    title: "asks the origin for what peers lack, and not for what they have",
    async run({ stage }) {
      const missing = 2;
      const played = await stage.play({ peers: [{ holds: (_, index) => index !== missing }] });
      const block = blocksOf(played.content, 1)[missing];
      const requests = played.originRequests.filter(isPlainRequest);
      const asked = requests.reduce((sum, request) => {
        const { startBytes, endBytes } = readRange(request) ?? {
          startBytes: 0,
          endBytes: Number.MAX_SAFE_INTEGER,
        };
        return sum + Math.min(endBytes, played.content.bytes.length) - startBytes;
      }, 0);
      return finding(
        played.right && asked === block?.lengthBytes,
        `a peer that lacks block ${missing} of ${blocksOf(played.content, 1).length}`,
        wrongContent(played) ?? `${asked} bytes asked of the origin: ${requests.map(requestText).join("; ")}`,
        `${block?.lengthBytes} bytes`,
      );
    },
  },
  {
    id: "hash-request",
    requirements: ["PCCRTP-24", "PCCRTP-17"],
    level: "SHOULD",
    title: "asks for the hashes after an answer with MakeHashRequest",
    async run({ stage }) {
      let first = true;
      const played = await stage.play({
        ...UNHASHED,
        origin(request, content) {
          if (!isOffer(request) || isHashRequest(request) || !first) return undefined;
          first = false;
          return UNHASHED.origin?.(request, content);
        },
        awaited: (requests) => requests.some(isHashRequest),
      });
      const hash = played.originRequests.find(isHashRequest);
      return finding(
        played.right && hash !== undefined,
        "the content, with MakeHashRequest=true",
        wrongContent(played) ?? (hash ? requestText(hash) : "no hash request"),
        "a request with HashRequest=true",
      );
    },
  },
  {
    id: "hash-request-once",
    requirements: ["PCCRTP-24"],
    level: "SHOULD",
    title: "asks for the hashes once, though they are still not there",
    negative: true,
    async run({ stage }) {
      const played = await stage.play({
        ...UNHASHED,
        // Time for a client that keeps asking.
        awaited: (requests) => requests.filter(isHashRequest).length > 1,
      });
      const asked = played.originRequests.filter(isHashRequest).length;
      if (asked === 0) return skipped("the client sends no hash requests");
      return finding(
        played.right && asked === 1,
        "the content and MakeHashRequest=true, however often it asks",
        wrongContent(played) ?? `${asked} hash requests`,
        "one hash request",
      );
    },
  },
];
