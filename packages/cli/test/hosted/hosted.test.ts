import { chown, mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errorCode } from "@branchcache/runtime";
import { manualClock } from "@branchcache/runtime/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { requirement } from "../../../../test/support/requires.ts";
import { trustInformation, trustText } from "../../src/commands/hosted/trust-text.ts";
import {
  certificateFilesBeside,
  ensureCertificate,
  makeCertificate,
  readCertificate,
  watchCertificate,
} from "../../src/hosted/certificate.ts";
import { hostedServerAddress } from "../../src/hosted/from-settings.ts";

const root = requirement("root");
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "branchcache-hosted-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const thrownBy = (work: () => unknown): string | undefined => {
  try {
    work();
  } catch (error) {
    return errorCode(error);
  }
  return undefined;
};

describe("the certificate of a hosted cache", () => {
  it("PCHC-41 is made once, with a key that its owner alone reads, and is the same ever after", async () => {
    const files = certificateFilesBeside(join(directory, "state", "secret"));
    const first = await ensureCertificate(files);
    expect(first.made).toEqual(true);
    expect((await stat(files.key)).mode & 0o777).toEqual(0o600);
    const again = await ensureCertificate(files);
    expect([again.made, again.cert]).toEqual([false, first.cert]);
  });

  it("names the host's names and addresses, and tells how to trust it", async () => {
    const files = { cert: join(directory, "c.pem"), key: join(directory, "c.key") };
    await makeCertificate(files, {
      names: ["cache.branch.example", "cache"],
      addresses: ["192.0.2.3", "2001:db8::3"],
    });
    const information = trustInformation(files.cert, await readFile(files.cert, "utf8"));
    expect(information.names.slice(0, 3)).toEqual([
      "DNS:cache.branch.example",
      "DNS:cache",
      "IP Address:192.0.2.3",
    ]);
    expect(information.selfSigned).toEqual(true);
    const text = trustText(information);
    for (const part of [
      information.fingerprint256,
      "certutil -addstore -f Root",
      "location=cache.branch.example",
    ]) {
      expect(text).toContain(part);
    }
  });

  it.skipIf(!root.ok)("belongs to the service's user also where root makes it for him", async () => {
    await chown(directory, 65_534, 65_534);
    const files = certificateFilesBeside(join(directory, "secret"));
    await ensureCertificate(files);
    for (const path of Object.values(files)) expect((await stat(path)).uid).toBe(65_534);
  });

  it("gives way to one that is made for other names, key and all", async () => {
    const files = certificateFilesBeside(join(directory, "state", "secret"));
    const first = await ensureCertificate(files);
    await makeCertificate(files, { names: ["cache.branch.example"], addresses: [] });
    const { cert, key } = await readCertificate(files);
    expect(trustInformation(files.cert, cert).names).toEqual(["DNS:cache.branch.example"]);
    expect(key).not.toEqual(first.key);
    expect((await stat(files.key)).mode & 0o777).toEqual(0o600);
  });

  it("says which file is missing, or is something else", async () => {
    const files = { cert: join(directory, "c.pem"), key: join(directory, "c.key") };
    await expect(readCertificate(files)).rejects.toMatchObject({ code: "BC_TLS_CERTIFICATE" });
    await writeFile(files.cert, "hello");
    await writeFile(files.key, "hello");
    await expect(readCertificate(files)).rejects.toThrow(/c\.pem has no certificate/);
  });

  it("is read again when it changes, and not before", async () => {
    const files = { cert: join(directory, "c.pem"), key: join(directory, "c.key") };
    for (const path of Object.values(files)) await writeFile(path, "one");
    const clock = manualClock();
    let changes = 0;
    const changed = new Promise<void>((resolve) => {
      void watchCertificate(files, clock, () => {
        changes++;
        resolve();
      }).then(async (watch) => {
        await utimes(files.cert, 1, 1);
        await clock.advance(9_999);
        expect(changes).toEqual(0);
        await clock.advance(1);
        closers.push(() => watch.stop());
      });
    });
    await changed;
    expect(changes).toEqual(1);
    for (const close of closers.splice(0)) close();
  });
  const closers: (() => void)[] = [];
});

describe("hosted caches as they are named", () => {
  it.each([
    ["cache.example", "cache.example", 80],
    ["cache.example:8080", "cache.example", 8080],
    ["192.0.2.1", "192.0.2.1", 80],
    ["2001:db8::1", "2001:db8::1", 80],
    ["[2001:db8::1]:8080", "2001:db8::1", 8080],
  ])("PCHC-8 PCHC-10 %s", (text, host, port) => {
    expect(hostedServerAddress(text, 80)).toEqual({ host, port, priority: 0 });
  });

  it.each(["", "cache:0", "cache:70000", "a b", "cache:x"])("refuses %j", (text) => {
    expect(thrownBy(() => hostedServerAddress(text, 80))).toEqual("BC_CONFIG");
  });
});
