/**
 * Files beside a data file that say who has it open. One whose owner is gone tells that a process ended without closing:
 * killed, out of power, or ended by a damaged page of the file itself.
 */
import { promises as fs } from "node:fs";
import { join } from "node:path";
import { errorCode } from "@branchcache/runtime";
import { leaveToOwner } from "./ownership.ts";

const NAME = /^open-by-(\d+)-\d+$/;
/** What the marker of a process says that is not there. */
const NOBODY = "";
let markersMade = 0;

export interface OpenMarker {
  /** Of its file. */
  readonly name: string;
  /** False where there was no room for it. */
  readonly isThere: boolean;
  /** The store is closed. One that is `doubtful` is looked at when it is opened again. */
  closed(state: "sound" | "doubtful"): Promise<void>;
}

/** Says that this process has the store in `path` open. */
export async function markOpen(path: string): Promise<OpenMarker> {
  let name = nextName();
  let isThere = false;
  try {
    let file = await openNew(join(path, name));
    for (; !file; file = await openNew(join(path, name))) name = nextName();
    try {
      await leaveToOwner([join(path, name)]);
      await file.writeFile(await nameOfProcess(process.pid));
      await file.sync();
    } finally {
      await file.close();
    }
    await syncDirectory(path);
    isThere = true;
  } catch {
    // On a disk without any room the store opens all the same, and its next opening looks no closer.
  }
  const marker = join(path, name);
  return {
    name,
    isThere,
    closed: (state) =>
      state === "sound" ? fs.rm(marker, { force: true }) : fs.writeFile(marker, NOBODY, { mode: 0o600 }),
  };
}

function nextName(): string {
  return `open-by-${process.pid}-${++markersMade}`;
}

/** Undefined where a file of this name is there: another thread's, or that of a process which had the same number. */
async function openNew(marker: string): Promise<fs.FileHandle | undefined> {
  return fs.open(marker, "wx", 0o600).catch((error: unknown) => {
    if (errorCode(error) === "EEXIST") return undefined;
    throw error;
  });
}

export interface Owners {
  /** Markers of processes that have ended without closing. */
  readonly gone: readonly string[];
  /** Of those that have it open now; a process stands here once for each of its markers. */
  readonly open: readonly { readonly marker: string; readonly pid: number }[];
}

export async function findOwners(path: string): Promise<Owners> {
  const gone: string[] = [];
  const open: { marker: string; pid: number }[] = [];
  for (const name of await fs.readdir(path)) {
    const pid = Number(NAME.exec(name)?.[1]);
    if (Number.isNaN(pid)) continue;
    const marker = join(path, name);
    // One that goes in this moment is that of a process which closes the store as it should.
    const owner = await fs.readFile(marker, "utf8").catch(() => undefined);
    if (owner === undefined) continue;
    if (owner !== NOBODY && owner === (await nameOfProcess(pid))) open.push({ marker: name, pid });
    else gone.push(marker);
  }
  return { gone, open };
}

/** Names of the markers that lie there. */
export async function markersIn(path: string): Promise<ReadonlySet<string>> {
  return new Set((await fs.readdir(path)).filter((name) => NAME.test(name)));
}

export async function forget({ gone }: Pick<Owners, "gone">): Promise<void> {
  for (const marker of gone) await fs.rm(marker, { force: true });
}

/**
 * Other than a number, not given to a second process: on Linux with the time of its start and the boot of the system.
 * `NOBODY` if there is no such process.
 */
async function nameOfProcess(pid: number): Promise<string> {
  try {
    const [boot, status] = await Promise.all([
      fs.readFile("/proc/sys/kernel/random/boot_id", "utf8"),
      fs.readFile(`/proc/${pid}/stat`, "utf8"),
    ]);
    // The program's name, in brackets, may hold anything; the start is the 20th field after it.
    const started = status.slice(status.lastIndexOf(")") + 2).split(" ")[19];
    return `${boot.trim()} ${pid} ${started}`;
  } catch {
    return isRunning(pid) ? `${pid}` : NOBODY;
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await fs.open(path, "r");
  await directory.sync().finally(() => directory.close());
}
