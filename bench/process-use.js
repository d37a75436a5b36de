// @ts-check
/** What a process on Linux has used so far. */
import { readFile } from "node:fs/promises";

/** The most resident memory, and what of it now is not of files; processor time. @param {number} pid */
export async function processUse(pid) {
  const status = await readFile(`/proc/${pid}/status`, "latin1");
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  const field = (/** @type {string} */ name) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) / 1_024;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    rssMb: field("VmHWM"),
    anonymousMb: field("RssAnon"),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
  };
}
