import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { ServerSecret } from "@branchcache/content-info";
import { BranchCacheError, errorMessage } from "@branchcache/runtime";
import { systemRandom } from "@branchcache/runtime/node";
import { ControlClient, isOutOfReach } from "../../control/client.ts";
import { openKeyFile, sealKeyFile } from "../../files/key-file.ts";
import { readSecretBytes, replaceSecret, SECRET_BYTES, secretFingerprint } from "../../files/secret-file.ts";
import { writeWhole } from "../../files/whole-file.ts";
import type { ControlOptions } from "../../options/control-options.ts";
import { confirm } from "../../terminal/confirm.ts";
import { print } from "../../terminal/output.ts";

export interface KeyOptions extends ControlOptions {
  readonly secretFile: string;
  readonly passphraseFile?: string;
  readonly force?: true;
}

export interface KeyTransferOptions extends KeyOptions {
  readonly passphraseFile: string;
}

export async function setKey(options: KeyOptions): Promise<void> {
  const { passphraseFile, secretFile, force } = options;
  const passphrase = passphraseFile === undefined ? undefined : await readPassphrase(passphraseFile);
  await confirm(
    `This replaces the secret ${secretFile}: what clients cached of this server is found no more`,
    force,
  );
  const secret =
    passphrase === undefined
      ? systemRandom.bytes(SECRET_BYTES)
      : ServerSecret.fromPassphrase(passphrase).reveal();
  await takeOver(secret, options);
}

export async function exportKey(file: string, options: KeyTransferOptions): Promise<void> {
  const secret = await readSecretBytes(options.secretFile);
  const sealed = await sealKeyFile(secret, await readPassphrase(options.passphraseFile));
  await writeWhole(file, sealed).catch((error: unknown) => {
    throw new BranchCacheError("BC_KEY_FILE", `cannot write ${file}: ${errorMessage(error)}`, {
      cause: error,
    });
  });
  print(options, { file, fingerprint: secretFingerprint(secret) }, [
    `${file}: the secret ${secretFingerprint(secret)}, under the passphrase`,
  ]);
}

export async function importKey(file: string, options: KeyTransferOptions): Promise<void> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new BranchCacheError("BC_KEY_FILE", `cannot read ${file}: ${errorMessage(error)}`, {
      cause: error,
    });
  });
  const secret = await openKeyFile(text, await readPassphrase(options.passphraseFile));
  await confirm(
    `This replaces the secret ${options.secretFile}: what clients cached of this server is found no more`,
    options.force,
  );
  await takeOver(secret, options);
}

export async function fingerprintKey(options: KeyOptions): Promise<void> {
  const fingerprint = secretFingerprint(await readSecretBytes(options.secretFile));
  print(options, { file: options.secretFile, fingerprint }, [fingerprint]);
}

async function takeOver(secret: Uint8Array, options: KeyOptions): Promise<void> {
  await replaceSecret(options.secretFile, secret);
  const fingerprint = secretFingerprint(secret);
  const followed = await tellDaemon(options);
  print(options, { file: options.secretFile, fingerprint, daemon: followed }, [
    `${options.secretFile}: ${fingerprint}`,
    ...(followed ? ["The daemon uses it from now on."] : []),
    "Content servers that run already (serve, gateway) use it when they start again.",
  ]);
}

/** False where none runs. */
async function tellDaemon({ controlSocket }: ControlOptions): Promise<boolean> {
  try {
    await using daemon = await ControlClient.connect(controlSocket);
    await daemon.request("secret-changed");
    return true;
  } catch (error) {
    if (isOutOfReach(error)) return false;
    throw error;
  }
}

/** The first line, so that an editor's last newline does not change the secret. */
async function readPassphrase(file: string): Promise<string> {
  let line: string | undefined;
  try {
    if (file === "-") {
      for await (const first of createInterface({ input: process.stdin })) {
        line = first;
        break;
      }
    } else [line] = (await readFile(file, "utf8")).split(/\r?\n/);
  } catch (error) {
    throw new BranchCacheError(
      "BC_KEY_FILE",
      `cannot read the passphrase in ${file}: ${errorMessage(error)}`,
      {
        cause: error,
      },
    );
  }
  if (!line) throw new BranchCacheError("BC_USAGE", `the first line of ${file} is empty: no passphrase`);
  return line;
}
