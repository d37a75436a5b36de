/** The header fields that come with Content Information. [MS-PCCRTP] 2.2, 3.2.5.1 */
import { parsePeerDist, parsePeerDistEx } from "@branchcache/http-encoding";
import { finding, firstFault } from "../../kit/check.ts";
import { isCoded, readInformation } from "./bodies.ts";
import type { ContentCheck } from "./information.ts";
import { type Answer, answerFinding, answerText, FIRST_OFFER, get, OFFER, sentText } from "./target.ts";

const field = ({ headers }: Answer, name: string): string => {
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : (value ?? "");
};

/** `Version` and `ContentLength` of the answer, as it writes them. */
function parameter(answer: Answer, name: string): string | undefined {
  const parts = field(answer, "x-p2p-peerdist")
    .split(",")
    .map((part) => part.trim().split("="));
  return parts.find(([key = ""]) => key.trim().toLowerCase() === name.toLowerCase())?.[1]?.trim();
}

const coded = (answer: Answer, fault: string | false | undefined): string | undefined => {
  const read = readInformation(answer);
  return typeof read === "string" ? read : fault || undefined;
};

export const headerChecks: readonly ContentCheck[] = [
  {
    id: "response-version",
    requirements: ["PCCRTP-5", "PCCRTP-7", "PCCRTP-10", "PCCRTP-31", "PCCRTP-32"],
    level: "MUST",
    title: "names in X-P2P-PeerDist a version that the client knows, without spaces",
    run: (target) =>
      firstFault(
        [
          { offer: FIRST_OFFER, versions: ["1.0"] },
          { offer: OFFER, versions: ["1.0", "1.1"] },
        ],
        ({ offer, versions }) =>
          answerFinding(target, offer, `Version=${versions.join(" or ")}`, (answer) => {
            const version = parameter(answer, "Version") ?? "";
            return coded(answer, !versions.includes(version) && `Version=${version}`);
          }),
      ),
  },
  {
    id: "echoes-version",
    requirements: ["PCCRTP-43"],
    level: "SHOULD",
    title: "answers version 1.1 with version 1.1, as Windows does",
    run: (target) =>
      answerFinding(target, OFFER, "Version=1.1", (answer) =>
        coded(answer, parameter(answer, "Version") !== "1.1" && "another version"),
      ),
  },
  {
    id: "plain-length",
    requirements: ["PCCRTP-11", "PCCRTP-33"],
    level: "MUST",
    title: "gives the length of the content as ContentLength",
    run: (target) =>
      answerFinding(target, OFFER, `ContentLength=${target.content.length}`, (answer) => {
        const given = parsePeerDist(field(answer, "x-p2p-peerdist")).contentLengthBytes;
        return coded(answer, given !== target.content.length && `ContentLength ${given ?? "is missing"}`);
      }),
  },
  {
    id: "coding-in-lower-case",
    requirements: ["PCCRTP-4"],
    level: "SHOULD",
    title: "writes Content-Encoding: peerdist in lower case",
    run: (target) =>
      answerFinding(target, OFFER, "Content-Encoding: peerdist", (answer) =>
        coded(answer, field(answer, "content-encoding") !== "peerdist" && field(answer, "content-encoding")),
      ),
  },
  {
    id: "same-representation",
    requirements: ["PCCRTP-25", "PCCRTP-38", "PCCRTP-45"],
    level: "MUST",
    title: "sends the content's own ETag, Last-Modified and Content-Type with Content Information",
    async run(target) {
      const plain = await get(target, {});
      const information = await get(target, OFFER);
      const names = ["etag", "last-modified", "content-type"];
      const of = (name: string, seen: typeof plain) => (seen.kind === "answer" ? field(seen, name) : "");
      const good =
        information.kind === "answer" &&
        isCoded(information) &&
        (of("etag", plain) !== "" || of("last-modified", plain) !== "") &&
        names.every((name) => of(name, plain) === of(name, information));
      const received = `${answerText(plain)}; then ${answerText(information)}`;
      return finding(good, `no offer, then ${sentText(OFFER)}`, received, "the same fields in both answers");
    },
  },
  {
    id: "vary",
    requirements: ["PCCRTP-38"],
    level: "SHOULD",
    title: "names in Vary what it chooses by, with and without an offer",
    async run(target) {
      const needed = ["accept-encoding", "x-p2p-peerdist", "x-p2p-peerdistex"];
      const fault = (answer: Answer) => {
        const listed = field(answer, "vary")
          .toLowerCase()
          .split(",")
          .map((name) => name.trim());
        if (listed.includes("*")) return undefined;
        const missing = needed.filter((name) => !listed.includes(name));
        return missing.length > 0 ? `Vary lacks ${missing.join(", ")}` : undefined;
      };
      const withOffer = await answerFinding(target, OFFER, "Vary", (answer) => coded(answer, fault(answer)));
      return withOffer.outcome === "pass" ? answerFinding(target, {}, "Vary", fault) : withOffer;
    },
  },
  {
    id: "private",
    requirements: ["PCCRTP-39"],
    level: "SHOULD",
    title: "keeps Content Information, which holds keys, out of shared caches",
    run: (target) =>
      answerFinding(target, OFFER, "Cache-Control: private or no-store", (answer) => {
        const kept = /\b(?:private|no-store)\b/i.test(field(answer, "cache-control"));
        return coded(answer, !kept && `Cache-Control: ${field(answer, "cache-control")}`);
      }),
  },
  {
    id: "no-hash-request-for-what-is-ready",
    requirements: ["PCCRTP-16"],
    level: "MUST",
    title: "asks nobody to come back for Content Information that it sends",
    run: (target) =>
      answerFinding(target, OFFER, "no MakeHashRequest", (answer) => {
        const asks = parsePeerDistEx(field(answer, "x-p2p-peerdistex")).makeHashRequest;
        return coded(answer, asks && "MakeHashRequest=true");
      }),
  },
];
