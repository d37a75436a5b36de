/** Captured from a Windows Server web server with BranchCache, a file of 99,710 bytes; iPXE tests with them too. */
import {
  deriveSegmentId,
  deriveSegmentSecret,
  nobleHashEngine,
  publicationFromColumns,
  readContentInformation,
  ServerSecret,
  verifyBlockList,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { concatBytes, toHex } from "@branchcache/runtime";
import { describe, expect, it } from "vitest";
import { hex } from "./support.ts";

const secret = ServerSecret.fromBytes(
  hex("2a3d73eb435e9f2b8a344267e7467a3c7385c6e055e2b4d30dfec7c38b0ed72c"),
);
const V1 = hex(
  "00010c80000000000000000000000100000000000000000000007e85010000000100d8d976354a4872e925761803f458d9daaa67f8e31c630fb74e6a312ef8a25aba11afc0d7949243f94f9c1fab35d9fd1e331fcf7811a2e01d3587b38d770a29e20200000073c18ab8549110f8e90e71bbc3ab2aa8c44d13f4929499255b660f24ec77800b974bdd65567fdeeccdafe457a9503b4548f66ed3b188dcfda0ac382b09711acc",
);
const V2 = hex(
  "000204000000000000000000000000000000000000000000000000000000000000000088000099dee0d0c358e2684b62330d32b5f1978724a0d0a52bdc5e781fae71ff57a8be3dd458037ed404116bb616d9b14116088520c47cdc50abcea3fae188a98ea22df3c00000eba03381d0d0cb74f4b613d8210f37f002a06f3910586096a130d34398c08e66d7bcb8b6eb7783e4f807647b63f146b52f4ac89ccc7abf5fa11acafc2acf5028586c",
);

describe.each([
  ["node:crypto", nodeHashEngine],
  ["@noble/hashes", nobleHashEngine],
])("Windows' own Content Information, %s", (_, engine) => {
  it("PCCRC-19 T1: version 1.0", () => {
    const { range, segments, algorithm } = readContentInformation(V1, engine);
    expect(algorithm).toBe("sha256");
    expect(range).toEqual({ startBytes: 0, endBytes: 99_710 });
    const segment = segments[0]!;
    expect(toHex(segment.id)).toBe("491b217dbee2b5f12ca79b015e06f4bbe64f9745bad7867aef17de59927edce9");
    expect(segment.blockHashes).toHaveLength(2);
    expect(verifyBlockList(segment, engine)).toBe("complete");
  });

  it("PCCRC-19 T1: version 2.0", () => {
    const { range, segments, algorithm } = readContentInformation(V2, engine);
    expect(algorithm).toBe("sha512-truncated");
    expect(range).toEqual({ startBytes: 0, endBytes: 99_710 });
    expect(segments.map((segment) => [segment.offsetBytes, segment.lengthBytes, toHex(segment.id)])).toEqual([
      [0, 39_390, "3371bbeaddb62353adcef970a06fdf65001e0421f4c7108276b0c37a9f9ec10f"],
      [39_390, 60_320, "d7e924425e8f4f88f01dc6a9bb1bc37be113ec7917c745d4965c2b55fa163a6e"],
    ]);
  });

  it("PCCRC-17 T2 T3: segment secrets follow from the server's secret", () => {
    for (const bytes of [V1, V2]) {
      for (const segment of readContentInformation(bytes, engine).segments) {
        const serverKey = secret.deriveKey(engine, segment.algorithm);
        const derived = deriveSegmentSecret(engine, segment.algorithm, serverKey, segment.hashOfData);
        expect(toHex(derived)).toBe(toHex(segment.secret));
        expect(deriveSegmentId(engine, segment.algorithm, derived, segment.hashOfData)).toEqual(segment.id);
      }
    }
  });

  it("PCCRC-25 PCCRC-32: written anew, they are the same bytes", () => {
    for (const bytes of [V1, V2]) {
      const { version, algorithm, segments } = readContentInformation(bytes, engine);
      const publication = publicationFromColumns({
        version,
        algorithm,
        segmentLengths: Uint32Array.from(segments, (segment) => segment.lengthBytes),
        hashesOfData: concatBytes(...segments.map((segment) => segment.hashOfData)),
        blockHashes:
          version === 1
            ? concatBytes(...segments.flatMap((segment) => segment.blockHashes))
            : new Uint8Array(0),
      });
      expect(toHex(writeContentInformation(publication, secret, engine))).toBe(toHex(bytes));
    }
  });
});
