import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compareVersions,
  formatPeerDist,
  formatPeerDistEx,
  formatVersion,
  type PeerDistExParams,
  type PeerDistParams,
  parsePeerDist,
  parsePeerDistEx,
  parseVersion,
  type Version,
} from "../src/index.ts";
import { fieldTexts } from "./field-text.ts";

const V = (major: number, minor: number): Version => ({ major, minor });
const number = fc.integer({ min: 0, max: 999_999_999 });
const version = fc.record({ major: number, minor: number });
describe("versions", () => {
  it.each([
    ["1.0", V(1, 0)],
    ["1.1", V(1, 1)],
    ["1.23", V(1, 23)],
    ["999.999", V(999, 999)],
    ["01.00", V(1, 0)],
  ])("PCCRTP-7 reads %s", (text, expected) => {
    expect(parseVersion(text)).toEqual(expected);
  });

  it.each([
    "",
    "1",
    "1.",
    ".1",
    "1. 0",
    "1 .0",
    "1.0.0",
    "-1.0",
    "+1.0",
    "1,0",
    "a.b",
    "1.0a",
    "9".repeat(50),
  ])("PCCRTP-7 refuses %j", (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });

  it("PCCRTP-8 compares major and minor as whole numbers: 1.23 is above 1.3", () => {
    expect(compareVersions(V(1, 23), V(1, 3))).toBeGreaterThan(0);
    expect(compareVersions(V(1, 9), V(2, 0))).toBeLessThan(0);
    expect(compareVersions(V(1, 1), V(1, 1))).toBe(0);
  });

  it("PCCRTP-7 reading undoes writing", () => {
    fc.assert(
      fc.property(version, (value) => {
        expect(parseVersion(formatVersion(value))).toEqual(value);
      }),
    );
  });
});

describe("X-P2P-PeerDist", () => {
  it.each<[string, PeerDistParams]>([
    ["Version=1.1", { version: V(1, 1) }],
    ["version=1.0", { version: V(1, 0) }],
    [" Version = 1.0 ", { version: V(1, 0) }],
    ["Version=1.1,MissingDataRequest=true", { version: V(1, 1), missingDataRequest: true }],
    ["Version=1.1, MISSINGDATAREQUEST=TRUE", { version: V(1, 1), missingDataRequest: true }],
    ["Version=1.0, MissingDataRequest=false", { version: V(1, 0), missingDataRequest: false }],
    ["Version=1.0, MissingDataRequest=InvalidValue", { version: V(1, 0), missingDataRequest: true }],
    ["MissingDataRequest=", { missingDataRequest: true }],
    ["Version=1.1, ContentLength=65537", { version: V(1, 1), contentLengthBytes: 65_537 }],
    ["ContentLength=0,Version=1.1", { version: V(1, 1), contentLengthBytes: 0 }],
    ["ContentLength=9007199254740992", {}],
    ["ContentLength=-1", {}],
    ["ContentLength=1e3", {}],
    ["Version=1.0, Version=1.1", {}],
    ["Version=1.1, Version=1.1", { version: V(1, 1) }],
    ["Version=one", {}],
    ["Version", {}],
    ["Unknown=x, , =, Version=1.1", { version: V(1, 1) }],
    ["", {}],
  ])("PCCRTP-5 reads %j", (text, expected) => {
    expect(parsePeerDist(text)).toEqual(expected);
  });

  it.each<[PeerDistParams, string]>([
    [{ version: V(1, 1), contentLengthBytes: 65_537 }, "Version=1.1, ContentLength=65537"],
    [{ version: V(1, 1), missingDataRequest: true }, "Version=1.1, MissingDataRequest=true"],
    [{ version: V(1, 0) }, "Version=1.0"],
  ])("PCCRTP-11 PCCRTP-12 PCCRTP-32 writes %j", (params, expected) => {
    expect(formatPeerDist(params)).toBe(expected);
  });

  it("reading undoes writing", () => {
    const params = fc.record(
      { version, contentLengthBytes: fc.maxSafeNat(), missingDataRequest: fc.boolean() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(params, (value) => {
        expect(parsePeerDist(formatPeerDist(value))).toEqual(value);
      }),
    );
  });
});

describe("X-P2P-PeerDistEx", () => {
  const both = { minContentInformation: V(1, 0), maxContentInformation: V(2, 0) };
  it.each<[string, PeerDistExParams]>([
    ["MinContentInformation=1.0, MaxContentInformation=2.0", both],
    ["MaxContentInformation=2.0,MinContentInformation=1.0", both],
    ["mincontentinformation=1.0 ,\tMAXCONTENTINFORMATION = 2.0", both],
    [
      "MinContentInformation=1.0, MaxContentInformation=2.0, HashRequest=true",
      { ...both, hashRequest: true },
    ],
    ["MakeHashRequest=true", { makeHashRequest: true }],
    [", MakeHashRequest=True", { makeHashRequest: true }],
    ["MakeHashRequest=false", {}],
    ["HashRequest=1", {}],
    ["HashRequest=true", { hashRequest: true }],
    ["MinContentInformation=x, HashRequest=true", { hashRequest: true, malformed: true }],
    [
      "MinContentInformation=1.0, MaxContentInformation=",
      { minContentInformation: V(1, 0), malformed: true },
    ],
    ["", {}],
  ])("PCCRTP-6 reads %j", (text, expected) => {
    expect(parsePeerDistEx(text)).toEqual(expected);
  });

  it("PCCRTP-14 PCCRTP-15 PCCRTP-17 writes exactly the published string", () => {
    expect(formatPeerDistEx(both)).toBe("MinContentInformation=1.0, MaxContentInformation=2.0");
    expect(formatPeerDistEx({ ...both, hashRequest: true })).toBe(
      "MinContentInformation=1.0, MaxContentInformation=2.0, HashRequest=true",
    );
    expect(formatPeerDistEx({ makeHashRequest: true })).toBe("MakeHashRequest=true");
  });

  it("reading undoes writing", () => {
    const yes = fc.constant(true as const);
    const params = fc.record(
      {
        minContentInformation: version,
        maxContentInformation: version,
        makeHashRequest: yes,
        hashRequest: yes,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(params, (value) => {
        expect(parsePeerDistEx(formatPeerDistEx(value))).toEqual(value);
      }),
    );
  });
});

describe("all of them", () => {
  it("PCCRTP-5 PCCRTP-6 any text whatever gives a value and never throws", () => {
    fc.assert(
      fc.property(fieldTexts, (text) => {
        for (const read of [parsePeerDist, parsePeerDistEx, parseVersion])
          expect(() => read(text)).not.toThrow();
      }),
    );
  });
});
