/** The certificate of a hosted cache's HTTPS port: from files, or made on first start, and read again when it changes. */
import { mkdir, stat } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { dirname, join } from "node:path";
import { type Clock, errorCode, errorMessage } from "@branchcache/runtime";
import type { Settings } from "../config/schema.ts";
import { SettingError } from "../config/setting-error.ts";
import { type Certificate, readCertificatePair } from "../files/pem-files.ts";
import { writeWhole } from "../files/whole-file.ts";
import { fullName } from "./full-name.ts";

/** Paths of a certificate and its private key, both PEM. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Where the daemon makes one if no setting names any: beside the content server's secret, a private place. */
export function certificateFilesBeside(secretFile: string): CertificateFiles {
  const directory = dirname(secretFile);
  return { cert: join(directory, "hosted-cache.pem"), key: join(directory, "hosted-cache.key") };
}

/** Those that the settings name (`given`), or those that the daemon makes. */
export function certificateFilesOf({ content_server: content, hosted_server: hosted }: Settings): {
  readonly cert: string;
  readonly key: string;
  readonly given: boolean;
} {
  const { cert, key } = hosted;
  if (cert !== undefined && key !== undefined) return { cert, key, given: true };
  return { ...certificateFilesBeside(content.secret_file), given: false };
}

/** Reads both. Errors: those of `readCertificatePair`. */
export function readCertificate({ cert, key }: CertificateFiles): Promise<Certificate> {
  return readCertificatePair(
    { setting: "hosted_server.cert", path: cert },
    { setting: "hosted_server.key", path: key },
  );
}

/**
 * The certificate in these files, made if there is none: self-signed for this host's names and addresses, RSA, for
 * ten years, so that Windows 7 takes it too. `made` tells whether it was. Errors: `BC_TLS_CERTIFICATE`.
 */
export async function ensureCertificate(
  files: CertificateFiles,
): Promise<Certificate & { readonly made: boolean }> {
  // Other faults of the file are reported by reading it below.
  const isThere = await stat(files.cert).catch((error: unknown) => errorCode(error) !== "ENOENT");
  if (!isThere) await makeCertificate(files, await certificateNames());
  return { ...(await readCertificate(files)), made: !isThere };
}

/** What a certificate is made out to: DNS names and IP addresses, its subject alternative names. */
export interface CertificateNames {
  readonly names: readonly string[];
  readonly addresses: readonly string[];
}

/** The names and addresses by which clients may reach this host. */
export async function certificateNames(): Promise<CertificateNames> {
  const name = await fullName();
  const [short = name] = name.split(".");
  const addresses = Object.values(networkInterfaces()).flatMap((each) =>
    // Nobody calls a host by an address of its link, which needs a zone.
    (each ?? []).filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address),
  );
  return { names: [...new Set([name, short])], addresses: [...new Set(addresses)] };
}

const VALID_MS = 10 * 365 * 86_400_000;

/** Writes the certificate, and its key readable by its owner only; in the place of those that are there. Errors: `BC_TLS_CERTIFICATE`. */
export async function makeCertificate(
  files: CertificateFiles,
  { addresses, names }: CertificateNames,
): Promise<void> {
  // Costs a third of a second to load, and is needed once.
  const { generate } = await import("selfsigned");
  const nowMs = Date.now();
  const { cert, private: key } = await generate([{ name: "commonName", value: names[0] ?? "branchcache" }], {
    keyType: "rsa",
    keySize: 2048,
    algorithm: "sha256",
    notBeforeDate: new Date(nowMs - 86_400_000),
    notAfterDate: new Date(nowMs + VALID_MS),
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", digitalSignature: true, keyEncipherment: true, keyCertSign: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          ...names.map((value) => ({ type: 2 as const, value })),
          ...addresses.filter((ip) => !ip.includes("%")).map((ip) => ({ type: 7 as const, ip })),
        ],
      },
    ],
  });
  try {
    await mkdir(dirname(files.key), { recursive: true, mode: 0o700 });
    // So that root may write what the service's user reads.
    await writeWhole(files.key, key, { owner: await stat(dirname(files.key)) });
    await writeWhole(files.cert, cert, { owner: await stat(dirname(files.cert)), mode: 0o644 });
  } catch (cause) {
    throw new SettingError("BC_TLS_CERTIFICATE", {
      setting: "hosted_server.cert",
      fault: `cannot make a certificate in ${dirname(files.key)} (${errorMessage(cause)})`,
      cure: "name one of your own with hosted_server.cert and hosted_server.key",
      cause,
    });
  }
}

const LOOK_EVERY_MS = 10_000;

/** Looks every ten seconds, and calls `onChange` when one of the files has changed. */
export async function watchCertificate(
  { cert, key }: CertificateFiles,
  clock: Clock,
  onChange: () => void | Promise<void>,
): Promise<{ stop(): void }> {
  const look = async (): Promise<string> =>
    (
      await Promise.all(
        [cert, key].map((path) =>
          stat(path).then(
            ({ ino, mtimeMs, size }) => `${ino} ${mtimeMs} ${size}`,
            () => "gone",
          ),
        ),
      )
    ).join(", ");
  let seen = await look();
  let stopped = false;
  let cancel = () => {};
  const again = (): void => {
    cancel = clock.after(LOOK_EVERY_MS, async () => {
      const now = await look();
      // While one of them is missing a renewal is under way: wait for both.
      if (now !== seen && !now.includes("gone")) {
        seen = now;
        await onChange();
      }
      if (!stopped) again();
    });
  };
  again();
  return {
    stop() {
      stopped = true;
      cancel();
    },
  };
}
