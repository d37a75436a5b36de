/** Clients of the link with one thing wrong, and the check that has to tell. */
import type { UdpPort } from "@branchcache/runtime";
import type { Mutant } from "./mutant.ts";
import type { Mutation } from "./test-client.ts";

type Change = (text: string) => string;

const changedBytes = (bytes: Uint8Array, change: Change) =>
  new TextEncoder().encode(change(new TextDecoder().decode(bytes)));

/** Changes what leaves for the link; `change` is called for each copy. */
const sending =
  (change: Change): NonNullable<Mutation["udp"]> =>
  (real: UdpPort) => ({
    interfaces: () => real.interfaces(),
    async open(options, onDatagram) {
      const socket = await real.open(options, onDatagram);
      return {
        local: socket.local,
        send: (bytes, to) => socket.send(changedBytes(bytes, change), to),
        close: () => socket.close(),
      };
    },
  });

/** An answer turned into what the real client takes for good. Its own probes come by here as well. */
const taking =
  (change: (text: string, probe: string) => string): NonNullable<Mutation["udp"]> =>
  (real: UdpPort) => {
    let probe = "";
    return {
      interfaces: () => real.interfaces(),
      async open(options, onDatagram) {
        const socket = await real.open(options, (bytes, from) =>
          onDatagram(
            changedBytes(bytes, (text) => (text.includes("ProbeMatch") ? change(text, probe) : text)),
            from,
          ),
        );
        return {
          local: socket.local,
          send(bytes, to) {
            probe = new TextDecoder().decode(bytes);
            return socket.send(bytes, to);
          },
          close: () => socket.close(),
        };
      },
    };
  };

const part = (text: string, name: string) =>
  new RegExp(`<${name}[^>]*>([^<]*)</${name}>`).exec(text)?.[1] ?? "";
let copies = 0;

/** Each probe is followed by others that ask the same. */
const multiplied =
  (times: number): NonNullable<Mutation["udp"]> =>
  (real: UdpPort) => ({
    interfaces: () => real.interfaces(),
    async open(options, onDatagram) {
      const socket = await real.open(options, onDatagram);
      return {
        local: socket.local,
        async send(bytes, to) {
          for (let i = 0; i < times; i++) {
            const id = `${100_000_000_000 + copies++}`;
            await socket.send(
              changedBytes(bytes, (text) => text.replace(/(MessageID>urn:uuid:.{24})[^<]*/, `$1${id}`)),
              to,
            );
          }
        },
        close: () => socket.close(),
      };
    },
  });

export const DISCOVERY_MUTANTS: readonly Mutant[] = [
  {
    name: "asks again and again about what nobody has",
    caught: "asks-once",
    mutation: { udp: multiplied(2) },
  },
  { name: "floods the link with probes", caught: "probe-rate", mutation: { udp: multiplied(150) } },
  {
    name: "names another rule for scopes",
    caught: "format-v1",
    mutation: { udp: sending((text) => text.replace("discovery/strcmp0", "discovery/rfc2396")) },
  },
  {
    name: "asks for version 2.0 by the type of version 1.0",
    caught: "format-v2",
    mutation: { udp: sending((text) => text.replace("PeerDistDataV2<", "PeerDistData<")) },
  },
  {
    name: "writes identifiers in lower case",
    caught: "upper-case-digits",
    mutation: { udp: sending((text) => text.replace(/>([0-9A-F]{64})</g, (all) => all.toLowerCase())) },
  },
  {
    name: "writes SegmentHashSize little-endian",
    caught: "count-of-segments",
    mutation: { udp: sending((text) => text.replace(/>ACA/, ">IAA")) },
  },
  {
    name: "names another recipient",
    caught: "multicast-urn",
    mutation: {
      udp: sending((text) => text.replace("urn:schemas-xmlsoap-org:ws:2005:04:discovery", "urn:x:y")),
    },
  },
  {
    name: "writes other prefixes",
    caught: "prefixes",
    mutation: { udp: sending((text) => text.replaceAll("wsd:", "d:").replaceAll("xmlns:wsd", "xmlns:d")) },
  },
  {
    name: "changes its probe when it repeats it",
    caught: "repeats",
    mutation: {
      udp: sending((text) => text.replace("</soap:Envelope>", `${" ".repeat(++copies)}</soap:Envelope>`)),
    },
  },
  {
    name: "gives every probe the same MessageID",
    caught: "message-ids",
    mutation: {
      udp: sending((text) =>
        text.replace(/urn:uuid:[0-9a-f-]{36}/, "urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
      ),
    },
  },
  {
    name: "asks for segments of other content",
    caught: "segments-of-content",
    mutation: { udp: sending((text) => text.replace(/>([0-9A-F]{60})[0-9A-F]{4}</g, ">$10000<")) },
  },
  {
    name: "does not look at RelatesTo",
    caught: "unknown-relates-to",
    mutation: {
      udp: taking((text, probe) =>
        text.replace(/(<wsa:RelatesTo>)[^<]*/, (_, start) => `${start}${part(probe, "wsa:MessageID")}`),
      ),
    },
  },
  {
    name: "does not look at the type of an answer",
    caught: "other-type",
    mutation: {
      udp: taking((text, probe) =>
        text.replace(/(<wsd:Types>)[^<]*/, (_, start) => `${start}${part(probe, "wsd:Types")}`),
      ),
    },
  },
  {
    name: "does not count the digits of BlockCount",
    caught: "short-block-counts",
    mutation: { udp: taking((text) => text.replace(">006<", ">00000006<")) },
  },
  {
    name: "does not check which segments an answer is about",
    caught: "segments-nobody-asked-for",
    mutation: {
      udp: taking((text, probe) =>
        text.includes("AD9724D3")
          ? text.replace(/(<wsd:Scopes>)[^<]*/, (_, start) => `${start}${part(probe, "wsd:Scopes")}`)
          : text,
      ),
    },
  },
  {
    name: "reads its own prefixes only",
    caught: "any-prefix",
    mutation: { udp: taking((text) => (text.includes("<wsd:") ? text : "")) },
  },
  {
    name: "does not wait for answers",
    caught: "waits-for-answers",
    mutation: { node: { discovery: { waitMs: 20, backoffMs: 20 } } },
  },
  {
    name: "takes a printer's document type",
    caught: "document-type",
    mutation: { udp: taking((text) => text.replace(/<!DOCTYPE[^>]*>\]>/, "")) },
  },
];
