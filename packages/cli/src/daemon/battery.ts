/** Whether this machine runs on a battery, as Linux tells it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@branchcache/runtime";

const SUPPLIES = "/sys/class/power_supply";
/** Answers to probes must not wait for the disk each time. */
const FRESH_MS = 5_000;

/** Returns a function, cheap to call, that tells whether this machine runs on its battery; false where unknown. */
export function batteryWatch(clock: Clock, directory: string = SUPPLIES): () => boolean {
  let known = false;
  let untilMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs >= untilMs) {
      known = isOnBattery(directory);
      untilMs = nowMs + FRESH_MS;
    }
    return known;
  };
}

function isOnBattery(directory: string): boolean {
  let hasBattery = false;
  for (const supply of namesIn(directory)) {
    const type = textOf(join(directory, supply, "type"));
    if (type === "Battery") {
      // Wireless mice list their batteries here too, with the scope Device.
      const own = textOf(join(directory, supply, "scope")) !== "Device";
      hasBattery ||= own && textOf(join(directory, supply, "status")) === "Discharging";
    } else if (textOf(join(directory, supply, "online")) === "1") return false;
  }
  return hasBattery;
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
