// @ts-check
/** What processes use. Memory in MB of 1,000,000 bytes. */
import { readFile } from "node:fs/promises";

/** The kernel counts memory in KiB. @param {number} kibibytes */
const megabytes = (kibibytes) => (kibibytes * 1_024) / 1e6;

/**
 * @typedef {object} ProcessUse
 * @property {number} mostResidentMB since its start
 * @property {number} residentMB now
 * @property {number} anonymousMB of what is resident, all that is not of files
 * @property {number} cpuSeconds since its start
 */

/** Of any process, on Linux. @param {number} pid @returns {Promise<ProcessUse>} */
export async function processUse(pid) {
  const status = await readFile(`/proc/${pid}/status`, "latin1");
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  const field = (/** @type {string} */ name) =>
    megabytes(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0));
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    mostResidentMB: field("VmHWM"),
    residentMB: field("VmRSS"),
    anonymousMB: field("RssAnon"),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
  };
}

/** @typedef {{ seconds: number, cpuSeconds: number, mostResidentMB: number }} OwnUse */

/** Of this process: what it used from now until the result is called. @returns {() => OwnUse} */
export function watchOwnUse() {
  const before = process.resourceUsage();
  const start = performance.now();
  return () => {
    const seconds = (performance.now() - start) / 1_000;
    const { maxRSS, systemCPUTime, userCPUTime } = process.resourceUsage();
    const microseconds = userCPUTime + systemCPUTime - before.userCPUTime - before.systemCPUTime;
    return { seconds, cpuSeconds: microseconds / 1e6, mostResidentMB: megabytes(maxRSS) };
  };
}
