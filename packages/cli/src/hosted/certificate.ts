/** The certificate of a hosted cache's HTTPS port: from files, or made on first start, and read again when it changes. */
import { X509Certificate } from "node:crypto";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { dirname, join } from "node:path";
import { BranchCacheError, type Clock, errorCode, errorMessage } from "@branchcache/runtime";
import { fullName } from "./full-name.ts";

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface Certificate {
  /** PEM: the server's own first, then the chain. */
  readonly cert: string;
  readonly key: string;
}

/** Where one is made when none is named: beside the content server's secret, which is as private. */
export function certificateFilesBeside(secretFile: string): CertificateFiles {
  const directory = dirname(secretFile);
  return { cert: join(directory, "hosted-cache.pem"), key: join(directory, "hosted-cache.key") };
}

/** Reads both. Throws `BC_TLS_CERTIFICATE` naming the file that cannot be read, or is something else. */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all([readPem(files.cert), readPem(files.key)]);
  try {
    new X509Certificate(cert);
  } catch (error) {
    throw new BranchCacheError("BC_TLS_CERTIFICATE", `${files.cert}: no certificate in PEM`, {
      cause: error,
    });
  }
  return { cert, key };
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new BranchCacheError("BC_TLS_CERTIFICATE", `cannot read ${path}: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/**
 * The certificate in these files, made if there is none: self-signed for this host's names and addresses, RSA, for
 * ten years, so that Windows 7 takes it too. `made` tells whether it was.
 */
export async function ensureCertificate(
  files: CertificateFiles,
): Promise<Certificate & { readonly made: boolean }> {
  try {
    await stat(files.cert);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    await makeCertificate(files, await certificateNames());
    return { ...(await readCertificate(files)), made: true };
  }
  return { ...(await readCertificate(files)), made: false };
}

export interface CertificateNames {
  readonly names: readonly string[];
  readonly addresses: readonly string[];
}

/** What clients may call this host. */
export async function certificateNames(): Promise<CertificateNames> {
  const name = await fullName();
  const [short = name] = name.split(".");
  const addresses = Object.values(networkInterfaces()).flatMap((each) =>
    (each ?? []).filter(({ internal }) => !internal).map(({ address }) => address),
  );
  return { names: [...new Set([name, short])], addresses: [...new Set(addresses)] };
}

const VALID_MS = 10 * 365 * 86_400_000;

/** Writes the certificate, and its key readable by its owner only; in the place of those that are there. */
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
  await mkdir(dirname(files.key), { recursive: true, mode: 0o700 });
  const draft = (path: string) => `${path}.new`;
  await writeFile(draft(files.key), key, { mode: 0o600 });
  await writeFile(draft(files.cert), cert, { mode: 0o644 });
  await rename(draft(files.key), files.key);
  await rename(draft(files.cert), files.cert);
}

const LOOK_EVERY_MS = 10_000;

/** Calls `onChange` when one of the files is another than before; every ten seconds at most. */
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
      // Half of a renewal is none: the other file follows.
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
