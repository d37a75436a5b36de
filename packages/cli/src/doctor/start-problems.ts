/**
 * What would keep a daemon from starting with these settings on this machine, as far as it shows before: files,
 * directories, sockets, addresses and ports that settings name. What the daemon itself would say, in its own words.
 */
import { lstat, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { isPipeName, LONGEST_PATH_BYTES, socketError } from "@branchcache/peer-node";
import { errorCode, errorMessage } from "@branchcache/runtime";
import { readPassword } from "../cache/hash-store.ts";
import { listenersOf } from "../config/listeners.ts";
import type { ResolvedConfig } from "../config/resolve.ts";
import type { Settings } from "../config/schema.ts";
import { SettingError } from "../config/setting-error.ts";
import { groupId } from "../control/server.ts";
import { checkMakeable, checkWritable } from "../files/makeable.ts";
import { controlSocketBeside } from "../files/paths.ts";
import { readCertificates } from "../files/pem-files.ts";
import { checkServerSecret } from "../files/secret-file.ts";
import { checkServeRoot } from "../files/serve-root.ts";
import { certificateFilesBeside, readCertificate } from "../hosted/certificate.ts";
import { hostedClientOptions } from "../hosted/from-settings.ts";
import { checkCiphers } from "../hosted/hosted-service.ts";
import { tryListening } from "./ports.ts";

/** Each error names its setting and a cure. `daemonRuns`: its ports and sockets are in use, and not checked. */
export async function startProblems(
  { settings, written }: ResolvedConfig,
  { daemonRuns }: { readonly daemonRuns: boolean },
): Promise<readonly Error[]> {
  const found: Error[] = [];
  for (const look of [...files(settings), ...(daemonRuns ? [] : places(settings, written))]) {
    try {
      await look();
    } catch (error) {
      // At the default path the daemon only warns, and starts: this machine may never publish.
      const isChosen =
        settings.content_server.enabled ||
        written.get("content_server.secret_file")?.origin.kind !== "default";
      if (errorCode(error) === "BC_SECRET_PLACE" && !isChosen) continue;
      found.push(error instanceof Error ? error : new Error(errorMessage(error)));
    }
  }
  return found;
}

type Look = () => unknown;

function* files(settings: Settings): Generator<Look> {
  const { mode, cache, content_server: content, hosted_server: hosted, control } = settings;
  const { group } = control;
  if (group !== undefined) yield () => groupId(group);
  yield () => checkDirectory("cache.data.path", cache.data.path);
  const { secrets_path: secretsPath } = cache.data;
  if (secretsPath !== undefined) yield () => checkDirectory("cache.data.secrets_path", secretsPath);
  if (cache.store === "redis") yield () => readPassword(cache.redis.password_file);
  const { root } = content;
  if (content.enabled && root !== undefined) yield () => checkServeRoot(root, "content_server.root");
  if (content.enabled || mode !== "disabled") yield () => checkServerSecret(content.secret_file);
  if (mode !== "disabled") yield () => hostedClientOptions(settings);
  if (mode !== "hosted-server") return;
  const { cert, key, client_ca: clientCa } = hosted;
  if (hosted.https && cert !== undefined && key !== undefined) yield () => readCertificate({ cert, key });
  else if (hosted.https) yield () => checkOwnCertificate(content.secret_file);
  if (hosted.https) yield () => checkCiphers(hosted.ciphers, hosted.min_tls);
  if (hosted.client_auth === "tls" && clientCa !== undefined) {
    yield () => readCertificates({ setting: "hosted_server.client_ca", path: clientCa });
  }
}

function* places(settings: Settings, written: ResolvedConfig["written"]): Generator<Look> {
  const { api, control, mode } = settings;
  yield () => checkSocket("control.socket", control.socket ?? controlSocketBeside(api.socket));
  if (mode !== "disabled") yield () => checkSocket("api.socket", api.socket);
  for (const address of listenersOf(settings)) {
    // If only the default port is taken the daemon starts without its web page.
    const key = address.settings?.port ?? "";
    if (key === "metrics.listen" && written.get(key)?.origin.kind === "default") continue;
    yield () => tryListening(address);
  }
}

async function checkDirectory(setting: string, path: string): Promise<void> {
  try {
    const isThere = await stat(path).catch((error: unknown) => {
      if (errorCode(error) !== "ENOENT") throw error;
      return false;
    });
    await (isThere ? checkWritable(path) : checkMakeable(path));
  } catch (cause) {
    throw new SettingError("BC_CACHE_PATH", {
      setting,
      fault: `cannot use the directory ${path} (${errorMessage(cause)})`,
      cure: "name another directory, or let the user write there that the daemon runs as",
      cause,
    });
  }
}

/** One that is there, or is made at the first start. */
async function checkOwnCertificate(secretFile: string): Promise<void> {
  const files = certificateFilesBeside(secretFile);
  const isThere = await stat(files.cert).catch((error: unknown) => errorCode(error) !== "ENOENT");
  // If it cannot be made, nor can the secret beside it, which is reported already.
  if (isThere) await readCertificate(files);
}

async function checkSocket(setting: string, path: string): Promise<void> {
  if (isPipeName(path)) return;
  try {
    if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) throw new Error("its path is too long");
    const found = await lstat(path).catch(() => undefined);
    if (found && !found.isSocket()) throw new Error("something else is there");
    const directory = await stat(dirname(path)).catch(() => undefined);
    await (directory ? checkWritable(dirname(path)) : checkMakeable(path));
  } catch (cause) {
    throw socketError(path, setting, cause);
  }
}
