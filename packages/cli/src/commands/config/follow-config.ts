/** Has the daemon read its settings again. */
import { ControlClient } from "../../control/client.ts";

export interface Followed {
  readonly keys: readonly string[];
  /** Of those, what only a restart of the daemon brings about. */
  readonly restart: readonly string[];
}

/** Errors: `BC_DAEMON_UNREACHABLE`, `BC_DENIED`, and what the daemon has against the settings. */
export async function followConfig(controlSocket: string | undefined): Promise<Followed> {
  await using daemon = await ControlClient.connect(controlSocket);
  return await daemon.request<Followed>("reload");
}
