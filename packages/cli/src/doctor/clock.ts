/** Whether this machine's clock agrees with those of the servers: certificates and the ages of content depend on it. */
import { execFile } from "node:child_process";
import { systemClock } from "@branchcache/runtime/node";
import { bad, type Finding, good, unknown } from "./finding.ts";

const MAX_OFF_MS = 300_000;
/** This program was written later: a clock that shows an earlier time is wrong. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

/** `wallMs`: the clock that is looked at; `synchronised`: what the system says of it, yes, no or nothing. */
export async function checkClock(
  urls: readonly string[],
  wallMs: () => number = systemClock.wallMs,
  synchronised: () => Promise<string | undefined> = ntpState,
): Promise<readonly Finding[]> {
  const nowMs = wallMs();
  if (nowMs < EARLIEST_MS) {
    return [
      bad(
        "clock",
        `this machine thinks that it is ${new Date(nowMs).toISOString()}`,
        "timedatectl set-ntp true",
      ),
    ];
  }
  for (const url of urls) {
    const server = await dateOf(url);
    if (server === undefined) continue;
    const off = Math.abs(server - wallMs());
    if (off > MAX_OFF_MS) {
      return [
        bad(
          "clock",
          `the clock is ${Math.round(off / 60_000)} minutes away from that of the server`,
          "timedatectl set-ntp true",
        ),
      ];
    }
    return [good("clock", "the clock goes with that of the server")];
  }
  const state = await synchronised();
  if (state === "yes") return [good("clock", "the clock is synchronised")];
  if (state === "no") return [bad("clock", "the clock is not synchronised", "timedatectl set-ntp true")];
  return [unknown("clock", "nobody to compare the clock with: name a content server")];
}

async function dateOf(url: string): Promise<number | undefined> {
  try {
    const answer = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(3_000) });
    const date = Date.parse(answer.headers.get("date") ?? "");
    return Number.isNaN(date) ? undefined : date;
  } catch {
    return undefined;
  }
}

function ntpState(): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(
      "timedatectl",
      ["show", "-p", "NTPSynchronized", "--value"],
      { timeout: 3_000 },
      (error, output) => resolve(error ? undefined : output.trim()),
    );
  });
}
