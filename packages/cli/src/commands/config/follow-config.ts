/** Has the daemon read its settings again. */
import { BranchCacheError, errorCode, errorMessage } from "@branchcache/runtime";
import { ControlClient, isOutOfReach } from "../../control/client.ts";

export interface Followed {
  readonly keys: readonly string[];
  /** Of those, what only a restart of the daemon brings about. */
  readonly restart: readonly string[];
}

/**
 * `file`: where the settings were written. Errors: `BC_DAEMON_UNREACHABLE`, `BC_DENIED`, and what the daemon has against
 * the settings.
 */
export async function followConfig(controlSocket: string | undefined, file: string): Promise<Followed> {
  await using daemon = await ControlClient.connect(controlSocket);
  try {
    return await daemon.request<Followed>("reload");
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined || isOutOfReach(error)) throw error;
    const message = `${errorMessage(error)}\n${file} is written all the same, and the daemon goes on as before: mend it`;
    throw new BranchCacheError(code, message, { cause: error });
  }
}
