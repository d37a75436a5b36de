/** The latest contents read through the daemon, each with why it went as it did. */
import type { ByteSource, Explanation } from "@branchcache/peer-node";

export interface DownloadNote {
  readonly id: number;
  /** A URL without query and user information, where the caller named one. */
  readonly name: string | undefined;
  readonly startedMs: number;
  /** Undefined while it runs. */
  readonly endedMs: number | undefined;
  readonly lengthBytes: number;
  readonly bytes: Readonly<Record<ByteSource, number>>;
  readonly explanation: Explanation | undefined;
}

const KEPT_MAX = 50;
/** Of a larger content only the first segments are explained; the sums are of all. */
const SEGMENTS_MAX = 200;

interface Entry {
  id: number;
  name: string | undefined;
  startedMs: number;
  endedMs: number | undefined;
  lengthBytes: number;
  bytes: Record<ByteSource, number>;
  explanation: Explanation | undefined;
}

export class Downloads {
  readonly #entries: Entry[] = [];
  #next = 1;

  begin(name: string | undefined, lengthBytes: number, startedMs: number): DownloadTaker {
    const entry: Entry = {
      id: this.#next++,
      name: name && redactName(name),
      startedMs,
      endedMs: undefined,
      lengthBytes,
      bytes: { local: 0, peer: 0, hosted: 0, origin: 0 },
      explanation: undefined,
    };
    this.#entries.push(entry);
    if (this.#entries.length > KEPT_MAX) this.#entries.shift();
    return {
      add: (source, bytes) => {
        entry.bytes[source] += bytes;
      },
      end: (endedMs, explanation) => {
        entry.endedMs = endedMs;
        entry.explanation = explanation && {
          ...explanation,
          segments: explanation.segments.slice(0, SEGMENTS_MAX),
        };
      },
    };
  }

  /** Latest first. */
  list(): readonly DownloadNote[] {
    return [...this.#entries].reverse();
  }
}

export interface DownloadTaker {
  add(source: ByteSource, bytes: number): void;
  end(endedMs: number, explanation: Explanation | undefined): void;
}

/** Without user, password and query, in case the caller left them in. */
function redactName(name: string): string {
  if (!URL.canParse(name)) return name.replace(/[?#].*$/s, "").slice(0, 200);
  const { protocol, host, pathname } = new URL(name);
  return `${protocol}//${host}${pathname}`.slice(0, 500);
}
