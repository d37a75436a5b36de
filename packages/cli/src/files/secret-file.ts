/** The content server's secret on disk: made once, readable by its owner only. */
import { scryptSync } from "node:crypto";
import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ServerSecret } from "@branchcache/content-info";
import { BranchCacheError, errorCode, errorMessage, toHex } from "@branchcache/runtime";
import { systemRandom } from "@branchcache/runtime/node";
import { SettingError } from "../config/setting-error.ts";
import { checkMakeable } from "./makeable.ts";
import { writeWhole } from "./whole-file.ts";

export const SECRET_BYTES = 32;

const SETTING = "content_server.secret_file";

/** Reads the secret, or makes one. Errors: `BC_SECRET_FILE`, which names the file and never its content. */
export async function loadServerSecret(path: string): Promise<ServerSecret> {
  try {
    return await readSecret(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw secretFileError(path, error);
  }
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeWhole(path, systemRandom.bytes(SECRET_BYTES), { isNew: true });
  } catch (error) {
    // Another process made it meanwhile: theirs is as good.
    if (errorCode(error) !== "EEXIST") throw secretFileError(path, error);
  }
  return readSecret(path).catch((error: unknown) => {
    throw secretFileError(path, error);
  });
}

/** For exports and comparisons; errors: `BC_SECRET_FILE`, also where there is none. */
export async function readSecretBytes(path: string): Promise<Uint8Array> {
  try {
    return (await readSecret(path)).reveal();
  } catch (error) {
    throw secretFileError(path, error);
  }
}

/** Puts another secret in the place of the one there, at once. Errors: `BC_SECRET_FILE`. */
export async function replaceSecret(path: string, secret: Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // So that root may write what the service's user reads.
    await writeWhole(path, secret, { owner: await stat(dirname(path)) });
  } catch (error) {
    throw secretFileError(path, error);
  }
}

/** For comparing the secrets of two servers. Slow to compute, so that a weak passphrase is hard to guess from it. */
export function secretFingerprint(secret: Uint8Array): string {
  const hash = scryptSync(secret, "branchcache fingerprint", 8, { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 26 });
  return (toHex(hash).match(/.{4}/g) ?? []).join("-");
}

/**
 * Checks that the secret can be used, or made where there is none; makes nothing. Errors: `BC_SECRET_FILE`, and
 * `BC_SECRET_PLACE` where none can be made.
 */
export async function checkServerSecret(path: string): Promise<void> {
  try {
    await readSecret(path);
    return;
  } catch (error) {
    if (!["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) throw secretFileError(path, error);
  }
  try {
    await checkMakeable(path);
  } catch (cause) {
    throw new SettingError("BC_SECRET_PLACE", {
      setting: SETTING,
      fault: `${path} is not there and cannot be made (${errorMessage(cause)})`,
      cure: "name another file, or let the user write there that the daemon runs as",
      cause,
    });
  }
}

async function readSecret(path: string): Promise<ServerSecret> {
  const { mode } = await stat(path);
  if (process.platform !== "win32" && (mode & 0o077) !== 0) {
    const fault = `${path} can be read by others (mode ${(mode & 0o777).toString(8)})`;
    throw new SettingError("BC_SECRET_FILE", { setting: SETTING, fault, cure: `chmod 600 ${path}` });
  }
  const bytes = await readFile(path);
  if (bytes.length === 0) {
    const cure = "branchcache key set writes a new one";
    throw new SettingError("BC_SECRET_FILE", { setting: SETTING, fault: `${path} is empty`, cure });
  }
  return ServerSecret.fromBytes(bytes);
}

function secretFileError(path: string, error: unknown): BranchCacheError {
  if (error instanceof BranchCacheError) return error;
  return new SettingError("BC_SECRET_FILE", {
    setting: SETTING,
    fault: `cannot use the secret ${path} (${errorMessage(error)})`,
    cure: "it must be a file that the daemon's user may read and write",
    cause: error,
  });
}
