import { describe, expect, it } from "vitest";
import {
  contentInformationChanges,
  type HeaderFields,
  makeHashRequestChanges,
  type PeerDistOffer,
  VERSION_1_0,
  varyChanges,
} from "../../src/index.ts";

const OFFER: PeerDistOffer = {
  codingVersion: VERSION_1_0,
  acceptedVersions: [1],
  hashRequest: false,
  understandsMakeHashRequest: false,
};
const ALL = "Accept-Encoding, X-P2P-PeerDist, X-P2P-PeerDistEx";

describe("header fields of answers", () => {
  it.each<[string | string[] | undefined, string | undefined]>([
    [undefined, ALL],
    ["", ALL],
    ["Origin", `Origin, ${ALL}`],
    ["accept-encoding", "accept-encoding, X-P2P-PeerDist, X-P2P-PeerDistEx"],
    [["Origin", "x-p2p-peerdist"], "Origin, x-p2p-peerdist, Accept-Encoding, X-P2P-PeerDistEx"],
    ["*", undefined],
  ])("trap T8: Vary %j becomes %j", (vary, expected) => {
    expect(varyChanges(vary === undefined ? {} : { vary })["Vary"]).toBe(expected);
  });

  it("PCCRTP-16 asks for a hash request in the published words", () => {
    expect(makeHashRequestChanges()).toEqual({
      "X-P2P-PeerDist": "Version=1.1",
      "X-P2P-PeerDistEx": "MakeHashRequest=true",
    });
  });

  it.each<[HeaderFields, string]>([
    [{}, "private"],
    [{ "cache-control": "public, max-age=60" }, "private, max-age=60"],
    [{ "cache-control": "s-maxage=10, Private, no-store" }, "private, no-store"],
  ])("trap T8: Content Information is private: %j", (headers, expected) => {
    const answer = { validator: '"v1"', sizeBytes: 10, range: { startBytes: 0, endBytes: 10 } };
    expect(contentInformationChanges(headers, OFFER, answer, 5)["Cache-Control"]).toBe(expected);
  });

  it("PCCRTP-10 PCCRTP-11 PCCRTP-31 PCCRTP-32 PCCRTP-33 of a part: the part's length, digests of the plain body gone", () => {
    const answer = { validator: '"v1"', sizeBytes: 1_000, range: { startBytes: 100, endBytes: 300 } };
    expect(contentInformationChanges({}, OFFER, answer, 134)).toEqual({
      "Content-Encoding": "peerdist",
      "Content-Length": "134",
      "Transfer-Encoding": undefined,
      "X-P2P-PeerDist": "Version=1.0, ContentLength=200",
      "Cache-Control": "private",
      "Content-MD5": undefined,
      Digest: undefined,
      "Content-Digest": undefined,
      "Repr-Digest": undefined,
    });
  });
});
