/** The server's secret key (SSK), of which all segment secrets are made. [MS-PCCRC] 1.3, 2.5 */
import type { Random } from "@branchcache/runtime";
import { utf16le } from "./derive.ts";
import { SecretError } from "./errors.ts";
import type { HashEngine } from "./hash-engine.ts";
import type { HashAlgorithm } from "./types.ts";

/** What Windows generates. */
const RANDOM_SECRET_BYTES = 32;
const REDACTED = "ServerSecret [redacted]";

/** Holds the secret and never prints it: not as text, not as JSON, not when inspected. */
export class ServerSecret {
  readonly #bytes: Uint8Array;

  private constructor(bytes: Uint8Array) {
    if (bytes.length === 0) throw new SecretError("BC_SECRET_EMPTY", "a server secret of no bytes");
    this.#bytes = bytes;
  }

  /** 32 fresh bytes, as Windows does when none is configured. */
  static random(random: Random): ServerSecret {
    return new ServerSecret(random.bytes(RANDOM_SECRET_BYTES));
  }

  /** A copy of `bytes`, of any length but 0. Throws `BC_SECRET_EMPTY`. */
  static fromBytes(bytes: Uint8Array): ServerSecret {
    return new ServerSecret(bytes.slice());
  }

  /** As `netsh branchcache set key` and `Set-BCSecretKey`: the passphrase in UTF-16LE. Throws `BC_SECRET_EMPTY`. */
  static fromPassphrase(passphrase: string): ServerSecret {
    return new ServerSecret(utf16le(passphrase));
  }

  /**
   * Ks: the hash of the secret by the Content Information's own algorithm; 32 bytes for version 2.0.
   * As secret as the secret itself. [MS-PCCRC] 2.5
   */
  deriveKey(engine: HashEngine, algorithm: HashAlgorithm): Uint8Array {
    return engine.hash(algorithm, this.#bytes);
  }

  /** A copy of the bytes, for a key file or an encrypted export and nothing else. */
  reveal(): Uint8Array {
    return this.#bytes.slice();
  }

  /** Always `ServerSecret [redacted]`: a secret that gets into a message or a log stays secret. */
  toString(): string {
    return REDACTED;
  }

  /** What `JSON.stringify` sees: always `ServerSecret [redacted]`. */
  toJSON(): string {
    return REDACTED;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return REDACTED;
  }
}
