/** The server's secret as an encrypted file, to carry it to other servers. [MS-PCCRC] 2.5 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { concatBytes, equalBytes } from "@branchcache/runtime";
import { utf16le } from "../derive.ts";
import { SecretError } from "../errors.ts";
import { ServerSecret } from "../server-secret.ts";
import { nodeHashEngine } from "./node-hash-engine.ts";

const CIPHER = "aes-256-cbc";
const ZERO_IV = new Uint8Array(16);
const HASH_BYTES = 32;

/** The export file's bytes. Throws `BC_SECRET_EMPTY` for an empty passphrase. */
export function exportServerSecret(secret: ServerSecret, passphrase: string): Uint8Array {
  const bytes = secret.reveal();
  const cipher = createCipheriv(CIPHER, fileKey(passphrase), ZERO_IV);
  const plain = concatBytes(nodeHashEngine.hash("sha256", bytes), bytes);
  return concatBytes(cipher.update(plain), cipher.final());
}

/** Throws `BC_SECRET_EMPTY` for an empty passphrase, `BC_SECRET_IMPORT` for a wrong one and for a damaged file. */
export function importServerSecret(file: Uint8Array, passphrase: string): ServerSecret {
  const plain = decrypt(file, fileKey(passphrase));
  const bytes = plain.subarray(HASH_BYTES);
  if (
    bytes.length === 0 ||
    !equalBytes(nodeHashEngine.hash("sha256", bytes), plain.subarray(0, HASH_BYTES))
  ) {
    throw notImported();
  }
  return ServerSecret.fromBytes(bytes);
}

function decrypt(file: Uint8Array, key: Uint8Array): Uint8Array {
  const decipher = createDecipheriv(CIPHER, key, ZERO_IV);
  try {
    return concatBytes(decipher.update(file), decipher.final());
  } catch (cause) {
    throw notImported(cause);
  }
}

function notImported(cause?: unknown): SecretError {
  return new SecretError("BC_SECRET_IMPORT", "not a secret's export file, or another passphrase", { cause });
}

function fileKey(passphrase: string): Uint8Array {
  if (passphrase === "") throw new SecretError("BC_SECRET_EMPTY", "an export needs a passphrase");
  return nodeHashEngine.hash("sha256", utf16le(passphrase));
}
