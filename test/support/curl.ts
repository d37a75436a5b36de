/** What curl gets. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export const EX = "MinContentInformation=1.0, MaxContentInformation=2.0";
/** As Windows offers the coding: compression too. */
export const OFFER: readonly string[] = [
  "Accept-Encoding: gzip, deflate, peerdist",
  "X-P2P-PeerDist: Version=1.1",
  `X-P2P-PeerDistEx: ${EX}`,
];

export interface CurlAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The head of the last answer, and its body as it came. */
export async function curl(program: string, url: string, ...args: readonly string[]): Promise<CurlAnswer> {
  const { stdout } = await run(program, ["-s", "-i", "--raw", ...args, url], {
    encoding: "buffer",
    maxBuffer: 64 * 1_048_576,
  });
  const end = stdout.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = stdout.subarray(0, end).toString("latin1").split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]),
  );
  return { status: Number(statusLine.split(" ")[1]), headers, body: stdout.subarray(end + 4) };
}

export const headerArgs = (lines: readonly string[]): string[] => lines.flatMap((line) => ["-H", line]);

export const isCoded = ({ headers }: CurlAnswer): boolean => headers["content-encoding"] === "peerdist";
