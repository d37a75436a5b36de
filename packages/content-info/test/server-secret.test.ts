import { inspect } from "node:util";
import { ServerSecret } from "@branchcache/content-info";
import { exportServerSecret, importServerSecret, nodeHashEngine } from "@branchcache/content-info/node";
import { errorCode, toHex } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exampleSecret, hex } from "./support.ts";

const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
  } catch (error) {
    return errorCode(error);
  }
  return undefined;
};

describe("the server's secret", () => {
  it("PCCRC-1: random ones have 32 bytes, others any length but none", () => {
    expect(ServerSecret.random(seededRandom(1)).reveal()).toHaveLength(32);
    expect(ServerSecret.random(seededRandom(1)).reveal()).not.toEqual(
      ServerSecret.random(seededRandom(2)).reveal(),
    );
    for (const length of [1, 5, 32, 1000]) {
      expect(ServerSecret.fromBytes(new Uint8Array(length)).reveal()).toHaveLength(length);
    }
    expect(codeOf(() => ServerSecret.fromBytes(new Uint8Array(0)))).toBe("BC_SECRET_EMPTY");
    expect(codeOf(() => ServerSecret.fromPassphrase(""))).toBe("BC_SECRET_EMPTY");
  });

  it("PCCRC-2: a passphrase counts as UTF-16LE without NUL, as on Windows", () => {
    const secret = ServerSecret.fromPassphrase("server secret");
    expect(toHex(secret.deriveKey(nodeHashEngine, "sha256"))).toBe(
      "e8b893c11d8bc46a647198c0f45c786bb92fd88c6737588c751a02b775227a0b",
    );
    expect(toHex(secret.deriveKey(nodeHashEngine, "sha512-truncated"))).toBe(
      "7d01de40fac8f2ad7467ad861de17463d04c4173e10be114246319738bbdebbd",
    );
    expect(toHex(ServerSecret.fromPassphrase("é😀").reveal())).toBe("e9003dd800de");
  });

  it("PCCRC-3 PCCRC-49: is never printed", () => {
    const secret = ServerSecret.fromPassphrase("swordfish");
    const shown = [
      `${secret}`,
      String(secret),
      JSON.stringify({ secret }),
      inspect(secret, { showHidden: true, depth: 9 }),
      inspect({ secret }),
      JSON.stringify(Object.entries(secret)),
    ];
    for (const text of shown) {
      expect(text).not.toContain("swordfish");
      expect(text).not.toContain("115");
      expect(text.toLowerCase()).not.toContain(toHex(secret.reveal()).slice(0, 8));
    }
    expect(shown[0]).toBe("ServerSecret [redacted]");
  });

  it("keeps a copy and gives copies", () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const secret = ServerSecret.fromBytes(bytes);
    bytes.fill(0);
    secret.reveal().fill(0);
    expect(secret.reveal()).toEqual(new Uint8Array([1, 2, 3]));
  });
});

describe("the export file", () => {
  // Made by an independent program after the text of 2.5.
  const file = hex(
    "ed30c45658fdd39c1554b5ca9d766d4109d0962707bddd4371ba1c3ee484afad64015279d7ec1f03dbee8610b1b745b702b97fd77d34df5374f16e562c8b33c8",
  );

  it("PCCRC-4 PCCRC-6: the worked example", () => {
    expect(exportServerSecret(exampleSecret, "export passphrase")).toEqual(file);
    expect(importServerSecret(file, "export passphrase").reveal()).toEqual(exampleSecret.reveal());
  });

  it("PCCRC-5: needs a passphrase", () => {
    expect(codeOf(() => exportServerSecret(exampleSecret, ""))).toBe("BC_SECRET_EMPTY");
    expect(codeOf(() => importServerSecret(file, ""))).toBe("BC_SECRET_EMPTY");
  });

  it("PCCRC-6: any secret under any passphrase comes back", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.string({ minLength: 1 }),
        (bytes, passphrase) => {
          const exported = exportServerSecret(ServerSecret.fromBytes(bytes), passphrase);
          expect(importServerSecret(exported, passphrase).reveal()).toEqual(bytes);
        },
      ),
    );
  });

  it("a wrong passphrase, or any damage, is an error without secrets in it", () => {
    expect(codeOf(() => importServerSecret(file, "another"))).toBe("BC_SECRET_IMPORT");
    for (let length = 0; length < file.length; length++) {
      expect(codeOf(() => importServerSecret(file.subarray(0, length), "export passphrase"))).toBe(
        "BC_SECRET_IMPORT",
      );
    }
    for (let at = 0; at < file.length; at++) {
      const damaged = file.slice();
      damaged[at]! ^= 1;
      expect(codeOf(() => importServerSecret(damaged, "export passphrase"))).toBe("BC_SECRET_IMPORT");
    }
  });
});
