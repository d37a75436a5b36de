/** Offers of version 2.0: what Microsoft's test suite looks at, and more. [MS-PCHC] 3.1.5.3 */
import { finding } from "../../kit/check.ts";
import { hexText, seenText } from "../../kit/http.ts";
import { batchedOffer, descriptor, initialOffer, OFFER_PATH_2, OK } from "./messages.ts";
import type { OfferedContent } from "./source.ts";
import {
  eventually,
  givesBlock,
  type HostedCacheTarget,
  type HostedCheck,
  isDropped,
  isResponse,
  notPulled,
  offer,
} from "./target.ts";

/** An answer within so many milliseconds did not wait for a pull that gave up: its timer is longer. [MS-PCCRR] 3.1.2 */
const PROMPT_MS = 1_000;
/** The end of a connection may be noticed so much later than an answer that followed it. */
const NOTICED_MS = 100;
const DROPPED = "an HTTP error, or the connection closed";

/** Sends the offer, and holds that the answer is OK and that every block of `contents` is pulled. */
async function pulledFinding(
  target: HostedCacheTarget,
  contents: readonly OfferedContent[],
  message: Uint8Array,
  headers = {},
) {
  const seen = await offer(target, 2, message, { headers });
  let fault = isResponse(seen, OK) ? "" : "no OK";
  for (const content of contents) {
    for (const index of content.segment.blockHashes.keys()) {
      if (fault === "" && !(await target.source.pulled(content, index)))
        fault = `block ${index} was not pulled`;
    }
  }
  return finding(
    fault === "",
    hexText(message),
    [seenText(seen), fault].filter(Boolean).join("; "),
    `${OK}, and a pull of every block`,
  );
}

/** An offer that has to be dropped: `lure`, which it names where it can, must not be pulled. */
const dropped = (
  check: Omit<HostedCheck, "run" | "negative">,
  message: (port: number, lure: OfferedContent, target: HostedCacheTarget) => Uint8Array,
): HostedCheck => ({
  ...check,
  negative: true,
  run(target) {
    const lure = target.source.make(2);
    return notPulled(target, 2, message(target.source.port, lure, target), lure, DROPPED, isDropped);
  },
});

export const batchedOfferChecks: readonly HostedCheck[] = [
  {
    id: "batched-offer",
    requirements: ["PCHC-3", "PCHC-6", "PCHC-18", "PCHC-36", "PCHC-39", "PCHC-40", "PCHC-52"],
    level: "MUST",
    title: "answers a batched offer with Size 1 and OK, five bytes",
    async run(target) {
      const message = batchedOffer(target.source.port, [descriptor(target.source.make(2, { held: false }))]);
      const seen = await offer(target, 2, message);
      return finding(isResponse(seen, OK), hexText(message), seenText(seen), `HTTP 200, ${OK}`);
    },
  },
  {
    id: "pull",
    requirements: ["PCHC-46", "PCHC-53"],
    level: "MUST",
    title: "pulls every segment of an offer from the client, at the port it names",
    run(target) {
      const contents = [target.source.make(2), target.source.make(2)];
      const message = batchedOffer(
        target.source.port,
        contents.map((content) => descriptor(content)),
      );
      return pulledFinding(target, contents, message);
    },
  },
  {
    id: "pull-of-version-1-content",
    requirements: ["PCHC-35", "PCHC-53"],
    level: "MUST",
    title: "pulls all blocks of a segment of Content Information 1.0 that is offered by version 2.0",
    run(target) {
      const content = target.source.make(1);
      return pulledFinding(target, [content], batchedOffer(target.source.port, [descriptor(content)]));
    },
  },
  {
    id: "answer-before-pull",
    requirements: ["PCHC-39", "PCHC-52"],
    level: "MUST",
    title: "answers an offer without waiting for the pull",
    async run(target) {
      const content = target.source.make(2);
      const message = batchedOffer(target.source.port, [descriptor(content)]);
      const { clock, source } = target;
      const pull = source.hold();
      const sentMs = clock.monotonicMs();
      const seen = await offer(target, 2, message);
      let waited = false;
      if (clock.monotonicMs() - sentMs > PROMPT_MS) {
        await clock.sleep(NOTICED_MS);
        waited = pull.connectionEnded;
      }
      pull.release();
      return finding(
        isResponse(seen, OK) && !waited,
        hexText(message),
        waited ? `${seenText(seen)}, after the cache gave up waiting for a block` : seenText(seen),
        `${OK} while no block is given`,
      );
    },
  },
  {
    id: "gives-what-it-pulled",
    requirements: ["PCHC-48", "PCHC-53"],
    level: "MUST",
    title: "gives others the blocks that it pulled",
    async run(target) {
      const content = target.source.make(2);
      const message = batchedOffer(target.source.port, [descriptor(content)]);
      await offer(target, 2, message);
      const given = await eventually(target, async () => (await givesBlock(target, content, 0)).isRight);
      return finding(
        given,
        hexText(message),
        given ? "the block" : "no such block",
        "the block, from the cache",
      );
    },
  },
  {
    id: "offered-again",
    requirements: ["PCHC-52"],
    level: "MUST",
    title: "answers an offer of what it has with OK",
    async run(target) {
      const content = target.source.make(2);
      const message = batchedOffer(target.source.port, [descriptor(content)]);
      await offer(target, 2, message);
      await target.source.pulled(content);
      const seen = await offer(target, 2, message);
      return finding(isResponse(seen, OK), `twice ${hexText(message)}`, seenText(seen), OK);
    },
  },
  {
    id: "padding",
    requirements: ["PCHC-22"],
    level: "MUST",
    title: "takes no notice of padding in the header",
    run(target) {
      const content = target.source.make(2);
      const message = batchedOffer(target.source.port, [descriptor(content)], { padding: 0xa5 });
      return pulledFinding(target, [content], message);
    },
  },
  {
    id: "forwarded-address",
    requirements: ["PCHC-46"],
    level: "MUST",
    title: "pulls from the connection's own address, whatever a header field says",
    run(target) {
      const content = target.source.make(2);
      const message = batchedOffer(target.source.port, [descriptor(content)]);
      const elsewhere = { "X-Forwarded-For": "192.0.2.1", Forwarded: "for=192.0.2.1" };
      return pulledFinding(target, [content], message, elsewhere);
    },
  },
  {
    id: "most-descriptors",
    requirements: ["PCHC-52"],
    level: "MUST",
    title: "takes 128 descriptors",
    async run(target) {
      const lure = target.source.make(2, { held: false });
      const message = batchedOffer(target.source.port, Array<Uint8Array>(128).fill(descriptor(lure)));
      const seen = await offer(target, 2, message);
      return finding(isResponse(seen, OK), hexText(message), seenText(seen), OK);
    },
  },
  {
    id: "path-as-it-comes",
    requirements: ["PCHC-6"],
    level: "SHOULD",
    title: "takes the path without its last slash, and in any letter case",
    async run(target) {
      const message = batchedOffer(target.source.port, [descriptor(target.source.make(2, { held: false }))]);
      for (const path of [OFFER_PATH_2.slice(0, -1), OFFER_PATH_2.toUpperCase()]) {
        const seen = await offer(target, 2, message, { path });
        if (!isResponse(seen, OK)) return finding(false, path, seenText(seen), OK);
      }
      return finding(true, "both", "OK", OK);
    },
  },
  {
    id: "chunked-offer",
    requirements: ["PCHC-3"],
    level: "SHOULD",
    title: "takes a body that comes in chunks",
    async run(target) {
      const message = batchedOffer(target.source.port, [descriptor(target.source.make(2, { held: false }))]);
      const seen = await offer(target, 2, message, { headers: { "Transfer-Encoding": "chunked" } });
      return finding(isResponse(seen, OK), `in chunks ${hexText(message)}`, seenText(seen), OK);
    },
  },
  {
    id: "unknown-algorithm",
    requirements: ["PCHC-35", "PCHC-52"],
    level: "SHOULD",
    title: "answers an unknown HashAlgorithm with OK, and pulls nothing",
    negative: true,
    run(target) {
      const lure = target.source.make(2);
      const message = batchedOffer(target.source.port, [descriptor(lure, { hashAlgorithm: 0xfe })]);
      return notPulled(target, 2, message, lure, OK, (seen) => isResponse(seen, OK));
    },
  },
  dropped(
    {
      id: "no-descriptor",
      requirements: ["PCHC-54"],
      level: "MUST",
      title: "drops a batched offer without a descriptor",
    },
    (port) => batchedOffer(port, []),
  ),
  dropped(
    {
      id: "too-many-descriptors",
      requirements: ["PCHC-33", "PCHC-54"],
      level: "MUST",
      title: "drops 129 descriptors, all of them",
    },
    (port, lure) => batchedOffer(port, Array<Uint8Array>(129).fill(descriptor(lure))),
  ),
  dropped(
    {
      id: "no-content-tag",
      requirements: ["PCHC-34", "PCHC-54"],
      level: "MUST",
      title: "drops a descriptor whose SizeOfContentTag is 0",
    },
    (port, lure) => batchedOffer(port, [descriptor(lure, { contentTag: new Uint8Array(0) })]),
  ),
  dropped(
    {
      id: "part-of-a-descriptor",
      requirements: ["PCHC-54"],
      level: "MUST",
      title: "drops the whole message when its last descriptor is not whole",
    },
    (port, lure) => batchedOffer(port, [descriptor(lure), descriptor(lure).subarray(0, 40)]),
  ),
  dropped(
    {
      id: "empty-segment",
      requirements: ["PCHC-54"],
      level: "MUST",
      title: "drops a descriptor of no bytes",
    },
    (port, lure) => batchedOffer(port, [descriptor(lure, { segmentSize: 0 })]),
  ),
  dropped(
    {
      id: "short-header",
      requirements: ["PCHC-54"],
      level: "MUST",
      title: "drops a message of less than a header",
    },
    (port, lure) => batchedOffer(port, [descriptor(lure)]).subarray(0, 10),
  ),
  dropped(
    {
      id: "unknown-offer-version",
      requirements: ["PCHC-20", "PCHC-54"],
      level: "MUST",
      title: "drops a message of an unknown version",
    },
    (port, lure) => batchedOffer(port, [descriptor(lure)], { minor: 0xfe, major: 0xfe }),
  ),
  dropped(
    {
      id: "unknown-offer-type",
      requirements: ["PCHC-21", "PCHC-54"],
      level: "MUST",
      title: "drops a message of an unknown type",
    },
    (port, lure) => batchedOffer(port, [descriptor(lure)], { type: 0xfefe }),
  ),
  dropped(
    {
      id: "first-version-by-http",
      requirements: ["PCHC-1", "PCHC-9", "PCHC-24", "PCHC-54"],
      level: "MUST",
      title: "drops an offer of version 1.0 that comes by HTTP",
    },
    (port, lure) => initialOffer(port, lure.segment.id),
  ),
];
