// @ts-check
/** WS-Discovery messages, and [MS-PCCRD] probes and answers of both formats through both roles of a host. */
import { createHash } from "node:crypto";
import { startPeerDiscovery } from "@branchcache/discovery";
import { manualClock, seededRandom } from "@branchcache/runtime/testing";
import { readMessage, writeMessage } from "dgram-ws-discovery";
import { mustEqual, refusal, utf8, vectorsOf } from "../lib/target.mjs";

/** @typedef {import("../lib/target.mjs").Target} Target */

const WSD = /^WSD_/;
const DICTIONARY = [
  "<!DOCTYPE a>",
  "<![CDATA[",
  "]]>",
  "&#x0;",
  "&amp;",
  "<a>",
  "PeerDist:PeerDistData",
  "PeerDist:PeerDistDataV2",
  "<PeerDist:BlockCount>",
  "<PeerDist:SegmentAges>",
  "http://[fe80::1%a]:99999/",
  "192.0.2.10:80",
  "ACAB",
  "FFFFFFFF",
];

const messages = () => [...vectorsOf("pccrd", "probe"), ...vectorsOf("pccrd", "probe-matches")];

/** @type {Target} */
const message = {
  name: "ws-discovery-message",
  seeds: () => [
    ...messages(),
    ...["Probe", "Resolve", "Hello", "Bye", "ResolveMatches"].map((kind) => otherMessage(kind)),
  ],
  dictionary: DICTIONARY,
  maxWork: 1_000_000,
  async open() {
    return {
      run(bytes) {
        let read;
        try {
          read = readMessage(bytes);
        } catch (error) {
          return refusal(error, WSD);
        }
        let written;
        try {
          written = writeMessage(read);
        } catch (error) {
          return `${refusal(error, WSD)} to be sent`;
        }
        const again = plain(readMessage(written));
        // A message that says nothing of where it goes is written as going where its kind goes.
        mustEqual(again, { ...plain(read), to: read.to ?? again.to }, "written and read again");
        return read.kind;
      },
    };
  },
};

/** Without what elements bring along for looking up prefixes. @param {unknown} read */
const plain = (read) => JSON.parse(JSON.stringify(read));

/** A message of that kind with everything in it that it may have. @param {string} kind */
function otherMessage(kind) {
  const service = {
    address: "urn:uuid:6a1e8b6c-2d7f-4c55-8e3a-91b0c4d2f7a5",
    types: [{ uri: "urn:example:types", local: "Printer" }],
    scopes: ["ldap:///ou=here", "http://example.org/a"],
    xAddrs: ["http://192.0.2.10:80/"],
    metadataVersion: 7,
  };
  const bodies = {
    Probe: { probe: { types: service.types, scopes: service.scopes, matchBy: "urn:example:rule" } },
    Resolve: { address: service.address },
    Hello: { service },
    Bye: { address: service.address },
    ResolveMatches: { match: service },
  };
  return writeMessage(
    /** @type {any} */ ({
      kind,
      version: "2005/04",
      messageId: "urn:uuid:0b6f5b8e-5c1d-4e0a-9b7e-3c2d1a0f9e88",
      ...(kind.endsWith("Matches") && { relatesTo: "urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301" }),
      appSequence: { instanceId: 1, sequenceId: "urn:example:s", messageNumber: 2 },
      .../** @type {Record<string, object>} */ (bodies)[kind],
    }),
  );
}

/** Stand for a message's own identifier, a fresh one each time, and for that of the probe that was sent last. */
const FRESH = "@FRESH@";
const ASKED = "@ASKED@";
/** Of searches and sets of peers: each lives for so many datagrams. */
const SEARCH_RUNS = 64;

/** @type {Target} */
const host = {
  name: "discovery-host",
  seeds: () =>
    messages().map((bytes) =>
      utf8(
        new TextDecoder()
          .decode(bytes)
          .replace(/(<wsa:MessageID>)[^<]*/, `$1${FRESH}`)
          .replace(/(<wsa:RelatesTo>)[^<]*/, `$1${ASKED}`),
      ),
    ),
  dictionary: [...DICTIONARY, FRESH, ASKED],
  maxWork: 1_000_000,
  open: openHost,
};

/** @param {string} text */
const idOf = (text) => new Uint8Array(createHash("sha256").update(text).digest());

/** A host on a link of its own that answers for some segments, and looks for others. */
async function openHost() {
  const clock = manualClock();
  const held = new Set([idOf("segment A"), idOf("segment B")].map(String));
  /** @type {((bytes: Uint8Array, from: { address: string, port: number }) => void)[]} */
  const hands = [];
  let probe = new Uint8Array(0);
  /** Texts of datagrams that left during the last run; an answer is sent again a little later. */
  const answers = new Set();
  /** @type {unknown[]} */
  const failures = [];
  const discovery = await startPeerDiscovery({
    clock,
    random: seededRandom(3),
    interfaceRefreshMs: 0,
    negativeTtlMs: 0,
    addressTtlMs: 60_000,
    serve: {
      retrievalPort: 8080,
      held: {
        holds: async (ids) =>
          ids.map((id) =>
            held.has(String(id)) ? { heldBlocks: 2, totalBlocks: 3, createdMs: clock.wallMs() } : undefined,
          ),
      },
    },
    udp: {
      interfaces: () => [
        { name: "eth0", address: "192.0.2.2", family: 4, prefixLength: 24, internal: false },
      ],
      async open({ port = 50_001 }, onDatagram) {
        hands.push(onDatagram);
        return {
          local: { address: "192.0.2.2", port },
          async send(bytes, to) {
            if (to.port === 3702) probe = bytes.slice();
            else answers.add(new TextDecoder().decode(bytes));
          },
          async close() {},
        };
      },
    },
    observer: {
      event: (_level, name, fields) => void (name === "discovery.failed" && failures.push(fields)),
      count() {},
      measure() {},
    },
  });
  let runs = 0;
  let asked = "";
  /** @type {string[]} */
  let found = [];
  let search = Promise.resolve();

  /** @param {1 | 2} version */
  async function lookFor(version) {
    for await (const match of discovery.find([idOf(`${runs}`), idOf("segment A")], { version })) {
      found.push(...match.peer.addresses.map(({ address }) => address));
    }
  }

  return {
    /** @param {Uint8Array} bytes */
    async run(bytes) {
      if (runs++ % SEARCH_RUNS === 0) {
        await clock.advance(2_000);
        await search;
        search = lookFor(runs % (2 * SEARCH_RUNS) === 1 ? 1 : 2);
        await clock.advance(0);
        asked = readMessage(probe).messageId;
      }
      const messageId = `urn:uuid:00000000-0000-4000-8000-${runs.toString(16).padStart(12, "0")}`;
      const text = Buffer.from(bytes)
        .toString("latin1")
        .replaceAll(FRESH, messageId)
        .replaceAll(ASKED, asked);
      const datagram = new Uint8Array(Buffer.from(text, "latin1"));
      answers.clear();
      found = [];
      for (const hand of hands) hand(datagram.slice(), { address: "192.0.2.77", port: 50_000 });
      // Past the longest back-off, so that an answer is this datagram's.
      await clock.advance(100);
      if (failures.length > 0) throw new Error(`it reports ${JSON.stringify(failures.splice(0))}`);
      // Those to this datagram alone: others may be late ones to those before it.
      const own = [...answers].filter((answer) => answer.includes(messageId));
      if (own.length > 1) throw new Error(`${own.length} answers to one datagram`);
      const off = found.filter((address) => !address.startsWith("192.0.2."));
      if (off.length > 0) throw new Error(`led to ${off} off the link`);
      return answers.size > 0 ? "answered" : found.length > 0 ? "found" : "refused";
    },
    async close() {
      // The search under way ends with it.
      search.catch(() => {});
      await discovery.close();
    },
  };
}

export const targets = [message, host];
