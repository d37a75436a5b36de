/** The programs of the README of `peerdist`: one publishes a report, a third adds to a cache, one reads. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** Where a program runs, as whom, and with which daemon. */
export interface Seat {
  /** What stands before the command; see `Office.on`. */
  readonly prefix: readonly string[];
  readonly program: string;
  readonly socket: string;
}

export interface ReportPlay {
  readonly publisher: Seat;
  readonly third: Seat;
  readonly reader: Seat;
  /** Of the publisher's host. */
  readonly address: string;
  readonly port: number;
  readonly file: string;
  readonly sizeBytes: number;
  /** Between the publication and its end. */
  readonly meanwhile?: () => Promise<void>;
}

/** Byte counts as the programs print them. */
export interface ReportCounts {
  readonly published: number;
  readonly told: number;
  readonly sent: number;
  readonly read: number;
  readonly missed: number;
  readonly here: number;
  readonly readAgain: number;
  readonly hereAfterFlush: number;
}

/** A quarter is added before the reader starts, and a quarter while it reads. */
export async function playReport(play: ReportPlay): Promise<ReportCounts> {
  const { publisher, third, reader, address, port, file, sizeBytes, meanwhile } = play;
  const url = `http://${address}:${port}/`;
  const quarter = Math.floor(sizeBytes / 4);
  const publishing = start(publisher, "publish", String(port), file);
  try {
    const [published] = numbers(await publishing.line("published"));
    await start(third, "add", url, "0", String(quarter)).end();
    const adding = start(third, "add", url, String(quarter), String(2 * quarter)).end();
    const reading = start(reader, "read", url);
    await Promise.all([reading.end(), adding]);
    await meanwhile?.();
    const [read, missed] = numbers(await reading.line("read"));
    const [here] = numbers(await reading.line("here"));
    const [readAgain] = numbers(await reading.line("read again"));
    const [hereAfterFlush] = numbers(await reading.line("flushed,"));
    await publishing.end();
    const [told, sent] = numbers(await publishing.line("told"));
    return { published, told, sent, read, missed, here, readAgain, hereAfterFlush } as ReportCounts;
  } finally {
    publishing.kill();
  }
}

function numbers(line: string): number[] {
  return (line.match(/\d+/g) ?? []).map(Number);
}

function start({ prefix, program, socket }: Seat, role: string, ...args: readonly string[]) {
  const [command = "", ...rest] = [...prefix, process.execPath, program, role, socket, ...args];
  const child: ChildProcess = spawn(command, rest, { stdio: "pipe" });
  let said = "";
  let complaint = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    child.emit("said");
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  const closed = once(child, "close").then(([code]) => {
    child.emit("said");
    if (code !== 0) throw new Error(`${role} ended with ${code}: ${complaint}`);
  });
  closed.catch(() => {});
  return {
    kill: () => child.kill("SIGKILL"),
    /** The rest of the first line that begins so. */
    async line(first: string): Promise<string> {
      for (;;) {
        const line = said
          .split("\n")
          .find((one, i, all) => i < all.length - 1 && one.startsWith(`${first} `));
        if (line !== undefined) return line.slice(first.length);
        if (child.exitCode !== null) {
          await closed;
          throw new Error(`${role} said nothing of ${first}, but: ${said}`);
        }
        await once(child, "said");
      }
    },
    /** Tells it that it is no longer needed, and waits for its end. */
    async end(): Promise<void> {
      child.stdin?.end();
      await closed;
    },
  };
}
