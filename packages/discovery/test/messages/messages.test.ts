import { decode, encode, fromHex, toHex } from "@branchcache/runtime";
import type { Probe, ServiceDescription } from "dgram-ws-discovery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBase64, toBase64 } from "../../src/base64.ts";
import { FORMATS, PEERDIST } from "../../src/formats.ts";
import {
  type Holding,
  probeScope,
  readHoldings,
  readProbeScope,
  readSegmentAges,
  segmentAges,
  writeHoldings,
  writeProbeScope,
  writeSegmentAges,
} from "../../src/messages/binary.ts";
import { readAgedMatch, readCountedMatch } from "../../src/messages/match.ts";
import { keepable, peerProbe, readPeerProbe } from "../../src/messages/probe.ts";
import { A, B, C, peerMatch } from "../support.ts";

const bytes = (hex: string) => fromHex(hex) ?? new Uint8Array();
const hexA = toHex(A).toUpperCase();
const hexB = toHex(B).toUpperCase();

describe("base64", () => {
  it("decode undoes encode", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (data) => {
        expect(fromBase64(toBase64(data))).toEqual(data);
        expect(toBase64(data)).toBe(Buffer.from(data).toString("base64"));
      }),
    );
  });
  it.each(["A", "AB", "ABC", "A===", "AB=C", "A-B_", "AAA\n", "AA==AA=="])("refuses %o", (text) => {
    expect(fromBase64(text)).toBeUndefined();
  });
});

describe("probe scope", () => {
  const base64 = (hex: string) => toBase64(bytes(hex));

  it("PCCRD-4 PCCRD-16 has size and count before the identifiers, big-endian", () => {
    expect(writeProbeScope([bytes("0102"), bytes("0304")])).toBe(base64("00020201020304"));
  });

  it("PCCRD-18 takes 1 to 255 identifiers of one size", () => {
    const many = Array.from({ length: 256 }, () => A);
    expect(readProbeScope(writeProbeScope(many.slice(1)))).toHaveLength(255);
    expect(() => writeProbeScope(many)).toThrow("256");
    expect(() => writeProbeScope([])).toThrow("no bytes");
    expect(() => writeProbeScope([A, A.subarray(1)])).toThrow("31 bytes");
  });

  it.each([
    ["nothing", ""],
    ["no base64", "****"],
    ["size 0", "000001"],
    ["count 0", "002000"],
    ["an identifier short", "00020201020304".slice(0, -4)],
    ["a byte short", "000201aa"],
    ["a byte over", "000201aabbcc"],
    ["a size of 65,535", "ffff01aa"],
  ])("PCCRD-19 refuses %s", (_, hex) => {
    expect(readProbeScope(/^[0-9a-f]*$/.test(hex) ? base64(hex) : hex)).toBeUndefined();
  });

  it("PCCRD-16 PCCRD-19 of any bytes, what the declared layout makes of them or nothing", () => {
    const declared = (data: Uint8Array) => {
      try {
        return decode(probeScope, data).ids;
      } catch {
        return undefined;
      }
    };
    const good = fc.tuple(
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: -1, max: 1 }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), good), (drawn) => {
        let data = drawn as Uint8Array;
        if (Array.isArray(drawn)) {
          const [size, count, over] = drawn as [number, number, number];
          data = Uint8Array.from(
            { length: Math.max(3 + size * count + over, 3) },
            (_, i) => [0, size, count][i] ?? i,
          );
        }
        expect(readProbeScope(toBase64(data))?.slice()).toEqual(declared(data));
      }),
    );
  });
});

describe("holdings", () => {
  it.each([
    [["all", "none", "part"], "yA=="],
    [["all"], "wA=="],
    [["none", "none", "none", "part", "all"], toBase64(bytes("02c0"))],
    [Array.from({ length: 40 }, () => "all" as const), toBase64(bytes("ff".repeat(10)))],
  ] as const)("PCCRD-21 %o are %s", (holdings, text) => {
    expect(writeHoldings(holdings.length, (i) => holdings[i] ?? "none")).toBe(text);
    expect(readHoldings(text, holdings.length)).toEqual(holdings);
  });

  it("D-8 missing bits mean none, and bits beyond the identifiers nothing", () => {
    expect(readHoldings("wA==", 5)).toEqual(["all", "none", "none", "none", "none"]);
    expect(readHoldings("", 1)).toEqual(["none"]);
    expect(readHoldings(toBase64(bytes("ff")), 1)).toEqual(["all"]);
  });

  it("refuses the illegal pair", () => {
    expect(readHoldings(toBase64(bytes("40")), 1)).toBeUndefined();
    expect(readHoldings("!", 1)).toBeUndefined();
  });

  it("reading undoes writing", () => {
    const holding = fc.constantFrom<Holding>("none", "part", "all");
    fc.assert(
      fc.property(fc.array(holding, { maxLength: 255 }), (holdings) => {
        const text = writeHoldings(holdings.length, (i) => holdings[i] ?? "none");
        expect(readHoldings(text, holdings.length)).toEqual(holdings);
      }),
    );
  });
});

describe("segment ages", () => {
  it("PCCRD-36 reads the published example", () => {
    expect(readSegmentAges("AAEDAgBg6gACYOoA")).toEqual([
      { segmentIndex: 0, ageMs: 600_000 },
      { segmentIndex: 2, ageMs: 600_000 },
    ]);
  });

  it.each([
    ["0001010100010000", 1_000],
    ["0001020100010000", 100],
    ["0001030100010000", 10],
    ["0001040100010000", 1],
  ])("reads every unit: %s", (hex, ageMs) => {
    expect(readSegmentAges(toBase64(bytes(hex)))).toEqual([{ segmentIndex: 0, ageMs }]);
  });

  it.each([-5, 0, 9, 10, 167_772_150, 2 ** 40])("writes an age of %s ms within its 24 bits", (ageMs) => {
    const expected = Math.min(Math.max(Math.floor(ageMs / 10), 0), 2 ** 24 - 1) * 10;
    expect(readSegmentAges(writeSegmentAges(255, (i) => (i === 254 ? ageMs : undefined)))).toEqual([
      { segmentIndex: 254, ageMs: expected },
    ]);
  });

  it("PCCRD-36 are written as declared", () => {
    const age = fc.record({
      segmentIndex: fc.integer({ min: 0, max: 254 }),
      age: fc.integer({ min: 0, max: 2 ** 24 - 1 }),
    });
    fc.assert(
      fc.property(fc.uniqueArray(age, { selector: ({ segmentIndex }) => segmentIndex }), (drawn) => {
        const ages = drawn.sort((a, b) => a.segmentIndex - b.segmentIndex);
        const told = new Map(ages.map(({ segmentIndex, age: tens }) => [segmentIndex, 10 * tens + 9]));
        const written = writeSegmentAges(255, (i) => told.get(i));
        expect(written).toBe(toBase64(encode(segmentAges, { version: 1, unit: 3, ages })));
      }),
    );
  });

  it.each(["", "0002030100010000", "00010501", "0001030200010000", "00010301000100", "000100"])(
    "is nothing for %o",
    (hex) => {
      expect(readSegmentAges(toBase64(bytes(hex)))).toBeUndefined();
    },
  );
});

describe("reading a probe", () => {
  const v1: Probe = peerProbe(1, [A, B]);
  const v2: Probe = peerProbe(2, [A, B]);

  it.each([
    ["PCCRD-10 PCCRD-53 no types", { scopes: v1.scopes ?? [] }],
    ["PCCRD-10 another type", { ...v1, types: [{ uri: "urn:x", local: "PeerDistData" }] }],
    ["PCCRD-10 another name", { ...v1, types: [{ uri: PEERDIST, local: "Other" }] }],
    [
      "WSD-33 its type and another",
      { ...v1, types: [...(v1.types ?? []), { uri: "urn:x", local: "Device" }] },
    ],
    ["PCCRD-13 no rule", { types: v1.types ?? [], scopes: v1.scopes ?? [] }],
    ["PCCRD-17 the rule of the other version", { ...v2, matchBy: FORMATS[1].matchBy }],
  ])("leaves alone one with %s", (_, probe) => {
    expect(readPeerProbe(probe)).toBe("foreign");
  });

  it.each([
    ["PCCRD-58 without scopes", { types: v1.types ?? [], matchBy: v1.matchBy ?? "" }],
    ["PCCRD-58 with empty scopes", { ...v1, scopes: [] }],
    ["PCCRD-58 with one that is no hexadecimal", { ...v1, scopes: [hexA, "xyz"] }],
    ["PCCRD-58 with an odd number of digits", { ...v1, scopes: [hexA.slice(1)] }],
    ["PCCRD-58 version 2.0 without scopes", { ...v2, scopes: [] }],
    ["PCCRD-19 version 2.0 with a bad scope", { ...v2, scopes: ["AAAA"] }],
  ])("PCCRD-57 PCCRD-52 calls malformed one %s", (_, probe) => {
    expect(readPeerProbe(probe)).toBe("malformed");
  });

  it("PCCRD-14 D-3 reads either case, and keeps the text", () => {
    const scopes = [hexA.toLowerCase(), hexB];
    const probe = readPeerProbe({ ...v1, scopes });
    if (typeof probe === "string") throw new Error(probe);
    for (const { ids, texts } of [probe, keepable(probe)]) {
      expect([ids.length, ids.slice(), ids.slice(1), texts]).toEqual([2, [A, B], [B], scopes]);
    }
  });

  it("D-4 white space in base64 is no matter", () => {
    const [scope = ""] = v2.scopes ?? [];
    const probe = readPeerProbe({ ...v2, scopes: [scope.slice(0, 20), scope.slice(20)] });
    expect(typeof probe === "string" ? probe : probe.ids.slice()).toEqual([A, B]);
  });

  it("takes no more than 255 segments of a version 1.0 probe, and each once", () => {
    const scopes = Array.from({ length: 400 }, (_, i) => i.toString(16).padStart(64, "0"));
    const probe = readPeerProbe({ ...v1, scopes: [...scopes, ...scopes] });
    expect(probe).toMatchObject({ texts: scopes.slice(0, 255) });
  });
});

describe("answers", () => {
  const source = { address: "urn:uuid:1", xAddrs: ["192.0.2.1:80"], wallMs: 0 };
  const held = (heldBlocks: number, totalBlocks = 512) => ({ heldBlocks, totalBlocks, createdMs: 0 });
  const probeOf = (version: 1 | 2, ...ids: Uint8Array[]) => {
    const probe = readPeerProbe(peerProbe(version, ids));
    if (typeof probe === "string") throw new Error(probe);
    return probe;
  };

  it.each([1, 2] as const)("PCCRD-59 are none if nothing is held, version %s", (version) => {
    const probe = probeOf(version, A, B);
    expect(peerMatch({ ...source, probe, held: [undefined, undefined] })).toBeUndefined();
    expect(peerMatch({ ...source, probe, held: [held(0), undefined] })).toBeUndefined();
  });

  it("D-6 list only what is held, with eight digits each", () => {
    const match = peerMatch({ ...source, probe: probeOf(1, A, B, C), held: [undefined, held(0), held(300)] });
    expect(match?.scopes).toEqual([toHex(C).toUpperCase()]);
    expect(match?.extensions?.[0]?.children?.[0]?.text).toBe("0000012C");
  });

  it("D-3 echo the scope as the probe wrote it", () => {
    const probe = { version: 1, ids: [A], texts: [hexA.toLowerCase()] } as const;
    expect(peerMatch({ ...source, probe, held: [held(1)] })?.scopes).toEqual([hexA.toLowerCase()]);
  });
});

describe("reading an answer", () => {
  const extension = (local: string, text: string, wrapper = "PeerDistData") => [
    { uri: PEERDIST, local: wrapper, children: [{ uri: PEERDIST, local, text }] },
  ];
  const v1 = (scopes: string[], digits: string): ServiceDescription => ({
    address: "urn:uuid:1",
    types: [FORMATS[1].type],
    scopes,
    metadataVersion: 1,
    extensions: extension("BlockCount", digits),
  });

  it.each([
    ["32 bits", "000002000000002A"],
    ["16 bits, as the published example prints them", "0200002A"],
    ["white space inside", "00000200\r\n 0000002a"],
  ])("D-5 block counts of %s", (_, digits) => {
    expect(readCountedMatch(v1([hexA, hexB], digits))).toEqual([
      { id: A, heldBlocks: 512 },
      { id: B, heldBlocks: 42 },
    ]);
  });

  it("D-6 a count of zero is no holding", () => {
    expect(readCountedMatch(v1([hexA, hexB], "0000000000000001"))).toEqual([{ id: B, heldBlocks: 1 }]);
  });

  it.each([
    ["too few digits", v1([hexA, hexB], "0000000")],
    ["too many digits", v1([hexA], "000000000000")],
    ["no digits", v1([hexA], "")],
    ["other letters", v1([hexA], "0000000G")],
    ["no scopes", v1([], "00000001")],
    ["a scope that is no hexadecimal", v1(["xyz1"], "00000001")],
    ["no extension", { ...v1([hexA], ""), extensions: [] }],
    [
      "an extension of somebody else",
      { ...v1([hexA], ""), extensions: [{ uri: "urn:x", local: "PeerDistData" }] },
    ],
  ])("PCCRD-47 refuses %s", (_, service) => {
    expect(readCountedMatch(service)).toBeUndefined();
  });

  const v2 = (scopes: string[], extensions: ServiceDescription["extensions"]): ServiceDescription => ({
    address: "urn:uuid:1",
    types: [FORMATS[2].type],
    scopes,
    metadataVersion: 2,
    ...(extensions && { extensions }),
  });

  it.each(["PeerDistData", "PeerDistDataV2"])("PCCRD-37 D-9 takes ages in %s", (wrapper) => {
    const match = v2(["gA=="], extension("SegmentAges", "AAEDAQABAAA=", wrapper));
    expect(readAgedMatch(match, [A])).toEqual([{ id: A, holding: "part", ageMs: 10 }]);
  });

  it("D-9 does without ages", () => {
    expect(readAgedMatch(v2(["wA=="], undefined), [A])).toEqual([{ id: A, holding: "all" }]);
    expect(readAgedMatch(v2(["wA=="], extension("SegmentAges", "???")), [A])).toEqual([
      { id: A, holding: "all" },
    ]);
  });

  it("PCCRD-27 no matter which metadata version it carries", () => {
    expect(readAgedMatch({ ...v2(["wA=="], undefined), metadataVersion: 77 }, [A])).toHaveLength(1);
  });

  it("PCCRD-47 refuses an illegal pair of bits", () => {
    expect(readAgedMatch(v2(["QA=="], undefined), [A])).toBeUndefined();
  });
});
