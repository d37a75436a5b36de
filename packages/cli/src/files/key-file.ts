/**
 * The server secret in a file that a passphrase protects: scrypt gives the key, AES-256-GCM keeps the secret and
 * shows a wrong passphrase. Windows' own key files are another, undocumented format.
 */
import { createCipheriv, createDecipheriv, scrypt } from "node:crypto";
import { BranchCacheError } from "@branchcache/runtime";
import { systemRandom } from "@branchcache/runtime/node";
import { z } from "zod";

const FORMAT = "branchcache-key-1";
const SALT_BYTES = 16;
const IV_BYTES = 12;
const KEY_BYTES = 32;
/** The cost of scrypt: 64 MiB of memory, and a good part of a second. */
const COST = { N: 2 ** 16, r: 8, p: 1, maxmem: 128 * 2 ** 20 };

const base64 = z.string().regex(/^[A-Za-z0-9+/]{8,10000}={0,2}$/);
const keyFile = z.strictObject({
  format: z.literal(FORMAT),
  salt: base64,
  iv: base64,
  sealed: base64,
  tag: base64,
});

export async function sealKeyFile(secret: Uint8Array, passphrase: string): Promise<string> {
  const salt = systemRandom.bytes(SALT_BYTES);
  const iv = systemRandom.bytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", await keyOf(passphrase, salt), iv);
  const sealed = Buffer.concat([cipher.update(secret), cipher.final()]);
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  const content = {
    format: FORMAT,
    salt: text(salt),
    iv: text(iv),
    sealed: text(sealed),
    tag: text(cipher.getAuthTag()),
  };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

/** Errors: `BC_KEY_FILE`. */
export async function openKeyFile(text: string, passphrase: string): Promise<Uint8Array> {
  const parsed = keyFile.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new BranchCacheError("BC_KEY_FILE", "this is no file of `branchcache key export`");
  }
  const bytes = (base: string) => Buffer.from(base, "base64");
  const { salt, iv, sealed, tag } = parsed.data;
  try {
    const decipher = createDecipheriv("aes-256-gcm", await keyOf(passphrase, bytes(salt)), bytes(iv), {
      authTagLength: 16,
    });
    decipher.setAuthTag(bytes(tag));
    return Buffer.concat([decipher.update(bytes(sealed)), decipher.final()]);
  } catch (error) {
    throw new BranchCacheError("BC_KEY_FILE", "the passphrase is wrong, or the file was changed", {
      cause: error,
    });
  }
}

function keyOf(passphrase: string, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize("NFC"), salt, KEY_BYTES, COST, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
