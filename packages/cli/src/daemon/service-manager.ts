/** Tells systemd the daemon's state, by `systemd-notify`: Node.js cannot send to a Unix datagram socket. */
import { execFile } from "node:child_process";

export interface ServiceManager {
  /** Sends assignments such as `READY=1`. Resolves when they are sent, or cannot be; never rejects. */
  say(...words: readonly string[]): Promise<void>;
}

const GIVE_UP_MS = 5_000;

export function serviceManager(env: NodeJS.ProcessEnv = process.env): ServiceManager {
  const isThere = env["NOTIFY_SOCKET"] !== undefined && env["NOTIFY_SOCKET"] !== "";
  return {
    async say(...words) {
      if (!isThere) return;
      await new Promise<void>((resolve) => {
        const pid = `MAINPID=${process.pid}`;
        execFile("systemd-notify", [pid, ...words], { env, timeout: GIVE_UP_MS }, () => resolve());
      });
    },
  };
}
