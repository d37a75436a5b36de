// @ts-check
import { execFileSync } from "node:child_process";
import { arch, cpus, loadavg, release, totalmem, type } from "node:os";

function opensslVersion() {
  try {
    return execFileSync("openssl", ["version"], { encoding: "utf8" }).split(" ").slice(0, 2).join(" ");
  } catch {
    return "no openssl";
  }
}

/** What the figures are from, in one line. */
export function machine() {
  return [
    `${cpus().length} x ${cpus()[0]?.model.trim()}`,
    `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    `${type()} ${release()} ${arch()}`,
    `Node.js ${process.version}`,
    opensslVersion(),
  ].join(", ");
}

/** Of the last minute. */
export function loadAverage() {
  return (loadavg()[0] ?? 0).toFixed(1);
}
