/**
 * PEM files that settings name, read and looked at before anything uses them. All errors are `BC_TLS_CERTIFICATE`, and
 * name the setting, the file and the cure.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { errorCode, errorMessage } from "@branchcache/runtime";
import { SettingError, type SettingFault } from "../config/setting-error.ts";

export interface PemFile {
  readonly setting: string;
  readonly path: string;
}

export interface Certificate {
  /** PEM: the owner's first, then the chain. */
  readonly cert: string;
  readonly key: string;
}

/** A certificate, or a chain or list of them. */
export async function readCertificates(file: PemFile): Promise<string> {
  const pem = await readPem(file);
  firstCertificate(file, pem);
  return pem;
}

/** A certificate and the private key that it was made for. */
export async function readCertificatePair(cert: PemFile, key: PemFile): Promise<Certificate> {
  const [certPem, keyPem] = await Promise.all([readPem(cert), readPem(key)]);
  if (!firstCertificate(cert, certPem).checkPrivateKey(privateKey(key, keyPem))) {
    const cure = "name the key that the certificate was made for";
    throw pemError(key, { fault: `is not the key of the certificate ${cert.path}`, cure });
  }
  return { cert: certPem, key: keyPem };
}

async function readPem(file: PemFile): Promise<string> {
  try {
    return await readFile(file.path, "utf8");
  } catch (cause) {
    const cure =
      errorCode(cause) === "EACCES" ? "let the user read it that the daemon runs as" : "name a file in PEM";
    throw pemError(file, { fault: `cannot be read (${errorMessage(cause)})`, cure, cause });
  }
}

function firstCertificate(file: PemFile, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    const cure = `openssl x509 -inform DER -in ${file.path} makes one of the other form`;
    throw pemError(file, { fault: "has no certificate in PEM", cure, cause });
  }
}

function privateKey(file: PemFile, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    if (pem.includes("ENCRYPTED")) {
      const cure = `openssl pkey -in ${file.path} writes it without`;
      throw pemError(file, { fault: "has a passphrase, and nobody is there to type it", cure, cause });
    }
    throw pemError(file, { fault: "has no private key in PEM", cure: "name the file that has it", cause });
  }
}

function pemError({ path, setting }: PemFile, about: Omit<SettingFault, "setting">): SettingError {
  return new SettingError("BC_TLS_CERTIFICATE", { ...about, setting, fault: `${path} ${about.fault}` });
}
