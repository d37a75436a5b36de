/** Datagrams that must not be answered. [MS-PCCRD] 3.2.4.1, 3.2.6; WS-Discovery 5.1 to 5.3 */
import { MATCH_BY } from "../../kit/discovery-names.ts";
import { base64Scope, hexScopes, type ProbeParts, probe } from "./probes.ts";
import { type DiscoveryCheck, heldSegment, silenceFinding } from "./target.ts";

/** A probe for a segment that is held, with one thing changed for which it must not be answered. */
const silent = (
  check: Omit<DiscoveryCheck, "run" | "negative">,
  version: 1 | 2,
  changes: (id: Uint8Array) => ProbeParts,
): DiscoveryCheck => ({
  ...check,
  negative: true,
  run(target) {
    const { id } = heldSegment(target);
    return silenceFinding(target, probe(target.random, version, [id], changes(id)).bytes);
  },
});

export const silenceChecks: readonly DiscoveryCheck[] = [
  {
    id: "unknown-segments",
    requirements: ["PCCRD-59", "WSD-41"],
    level: "MUST",
    title: "answers no probe for segments that it does not hold, in either format",
    negative: true,
    async run(target) {
      const ids = [target.random.bytes(32), target.random.bytes(32)];
      const first = await silenceFinding(target, probe(target.random, 1, ids).bytes);
      if (first.outcome !== "pass") return first;
      return silenceFinding(target, probe(target.random, 2, ids).bytes);
    },
  },
  silent(
    {
      id: "other-types",
      requirements: ["PCCRD-10", "PCCRD-53", "PCCRD-57", "WSD-33", "WSD-64"],
      level: "MUST",
      title: "answers no probe for other types",
    },
    1,
    () => ({ types: "PeerDist:SomethingElse" }),
  ),
  silent(
    {
      id: "type-of-another-namespace",
      requirements: ["PCCRD-2", "PCCRD-10", "WSD-31"],
      level: "MUST",
      title: "answers no probe for a type of the same name in another namespace",
    },
    1,
    () => ({ types: "wsd:PeerDistData" }),
  ),
  silent(
    {
      id: "types-beside-its-own",
      requirements: ["WSD-33"],
      level: "MUST",
      title: "answers no probe that asks for its type and another at once",
    },
    1,
    () => ({ types: "PeerDist:PeerDistData wsd:Device" }),
  ),
  silent(
    {
      id: "no-types",
      requirements: ["PCCRD-57"],
      level: "MUST",
      title: "answers no probe without types",
    },
    1,
    () => ({ types: undefined }),
  ),
  silent(
    {
      id: "wrong-match-by-1.0",
      requirements: ["PCCRD-13", "WSD-39"],
      level: "MUST",
      title: "answers no probe of format 1.0 with the matching rule of format 2.0",
    },
    1,
    () => ({ matchBy: MATCH_BY[2] }),
  ),
  silent(
    {
      id: "wrong-match-by-2.0",
      requirements: ["PCCRD-17", "WSD-39"],
      level: "MUST",
      title: "answers no probe of format 2.0 with the matching rule of format 1.0",
    },
    2,
    () => ({ matchBy: MATCH_BY[1] }),
  ),
  silent(
    {
      id: "unknown-match-by",
      requirements: ["WSD-39"],
      level: "MUST",
      title: "answers no probe with a matching rule that it does not know",
    },
    1,
    () => ({ matchBy: "urn:example:no-such-rule" }),
  ),
  silent(
    {
      id: "empty-scopes",
      requirements: ["PCCRD-58"],
      level: "MUST",
      title: "drops a probe of format 1.0 with empty scopes",
    },
    1,
    () => ({ scopes: "" }),
  ),
  silent(
    {
      id: "scopes-not-hexadecimal",
      requirements: ["PCCRD-52", "PCCRD-58"],
      level: "MUST",
      title: "drops a probe of format 1.0 whose scopes are no hexadecimal digits",
    },
    1,
    (id) => ({ scopes: `X${hexScopes([id]).slice(1)}` }),
  ),
  silent(
    {
      id: "scope-not-base64",
      requirements: ["PCCRD-52", "PCCRD-58"],
      level: "MUST",
      title: "drops a probe of format 2.0 whose scope is no base64",
    },
    2,
    (id) => ({ scopes: `*${base64Scope([id]).slice(1)}` }),
  ),
  silent(
    {
      id: "scope-of-wrong-count",
      requirements: ["PCCRD-19", "PCCRD-58"],
      level: "MUST",
      title: "drops a scope of format 2.0 that counts more segments than it has",
    },
    2,
    (id) => ({ scopes: base64Scope([id], { count: 2 }) }),
  ),
  silent(
    {
      id: "scope-of-no-segments",
      requirements: ["PCCRD-18", "PCCRD-19"],
      level: "MUST",
      title: "drops a scope of format 2.0 that counts no segments",
    },
    2,
    (id) => ({ scopes: base64Scope([id], { count: 0 }) }),
  ),
  silent(
    {
      id: "document-type",
      requirements: ["WSD-65"],
      level: "MUST",
      title: "refuses a document type declaration, with all that could stand in it",
    },
    1,
    (id) => ({
      prolog: `<!DOCTYPE x [<!ENTITY segment "${hexScopes([id])}">]>`,
      scopes: "&segment;",
    }),
  ),
  {
    id: "broken-xml",
    requirements: ["PCCRD-52", "WSD-63"],
    level: "MUST",
    title: "drops a probe that ends early",
    negative: true,
    run(target) {
      const { bytes } = probe(target.random, 1, [heldSegment(target).id]);
      return silenceFinding(target, bytes.subarray(0, bytes.length - 20));
    },
  },
  {
    id: "no-xml",
    requirements: ["PCCRD-52", "WSD-63"],
    level: "MUST",
    title: "drops a datagram of random bytes",
    negative: true,
    run: (target) => silenceFinding(target, target.random.bytes(400)),
  },
];
