/**
 * Who is behind a connection, shown by a file: the daemon names a nonce, and only the owner of an account can
 * make a file of that account which holds it. Links and files of others, moved here, do not.
 */
import { constants } from "node:fs";
import { chmod, lstat, mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { isPipeName } from "@branchcache/peer-node/socket";
import { BranchCacheError, type Random, toHex } from "@branchcache/runtime";
import type { ConnectionProofs } from "./protocol-server.ts";

const NONCE_BYTES = 32;
/** Everybody may leave a file here, nobody may list it, and only a file's owner may move it. */
const DIRECTORY_MODE = 0o1733;
const FILE_MODE = 0o600;
const MODE_BITS = 0o7777;

/** Where both sides look, beside the socket: so that a false daemon elsewhere cannot pass a nonce on. */
export function proofDirectory(socketPath: string): string {
  return `${socketPath}.identity`;
}

/**
 * Proves a caller's account by a file beside the socket that only this account can have made; not on Windows.
 */
export class IdentityProofs implements ConnectionProofs {
  readonly #directory: string;
  readonly #random: Random;
  readonly #open = new Set<string>();

  private constructor(directory: string, random: Random) {
    this.#directory = directory;
    this.#random = random;
  }

  /** Makes the directory. Errors: `BC_API_IDENTITY` where it is there and somebody else's. */
  static async start(socketPath: string, random: Random): Promise<IdentityProofs> {
    const directory = proofDirectory(socketPath);
    await mkdir(directory, { recursive: true });
    const found = await lstat(directory);
    if (!found.isDirectory() || found.uid !== process.getuid?.()) {
      throw new BranchCacheError("BC_API_IDENTITY", `${directory} is not a directory of our own`);
    }
    await chmod(directory, DIRECTORY_MODE);
    return new IdentityProofs(directory, random);
  }

  /** For one connection and one proof. */
  nonce(): string {
    const nonce = toHex(this.#random.bytes(NONCE_BYTES));
    this.#open.add(nonce);
    return nonce;
  }

  /** Its file proves nothing any more. */
  forget(nonce: string): void {
    this.#open.delete(nonce);
  }

  /** Such as `uid:1000`; undefined where nothing was proved. The nonce is used up either way. */
  async check(nonce: string): Promise<string | undefined> {
    if (!this.#open.delete(nonce)) return undefined;
    const path = join(this.#directory, nonce);
    const uid = await ownerOf(path, nonce).catch(() => undefined);
    await unlink(path).catch(() => {});
    return uid === undefined ? undefined : `uid:${uid}`;
  }
}

async function ownerOf(path: string, nonce: string): Promise<number | undefined> {
  // Before it is opened: opening a device or a pipe may do something.
  const named = await lstat(path);
  if (!named.isFile()) return undefined;
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    const same = found.ino === named.ino && found.dev === named.dev;
    const proper = found.isFile() && found.nlink === 1 && (found.mode & MODE_BITS) === FILE_MODE;
    if (!same || !proper || found.size !== nonce.length) return undefined;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(nonce.length), 0, nonce.length, 0);
    return buffer.toString("latin1", 0, bytesRead) === nonce ? found.uid : undefined;
  } finally {
    await file.close();
  }
}

/** The caller's side: leaves the file. Gives a function that takes it away; undefined where it cannot be left. */
export async function leaveProof(
  socketPath: string,
  nonce: string,
): Promise<(() => Promise<void>) | undefined> {
  if (isPipeName(socketPath) || !/^[0-9a-f]{64}$/.test(nonce)) return undefined;
  const path = join(proofDirectory(socketPath), nonce);
  try {
    const file = await open(path, "wx", FILE_MODE);
    try {
      await file.chmod(FILE_MODE);
      await file.writeFile(nonce);
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
  return async () => {
    await unlink(path).catch(() => {});
  };
}
