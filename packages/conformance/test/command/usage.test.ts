/** What the command says to arguments that it cannot use; nothing is sent. */
import { afterEach, expect, it, vi } from "vitest";
import { conformanceProgram, runProgram } from "../../src/command/program.ts";

const before = process.exitCode;
afterEach(() => {
  process.exitCode = before;
});

it.each([
  [["retrieval-server"], "missing required argument"],
  [["retrieval-server", "127.0.0.1:1"], "--information is missing"],
  [["retrieval-server", "127.0.0.1:1", "--information", "/nowhere"], "--information /nowhere: ENOENT"],
  [
    ["retrieval-server", "127.0.0.1:1", "--information", import.meta.filename],
    "usage.test.ts: this is no Content Information: ContentInformation.version",
  ],
  [
    ["retrieval-server", "127.0.0.1:1", "--only", "no-such-check"],
    "no check of retrieval-server has the id no-such-check, or shows a rule of that id",
  ],
  [["retrieval-server", "127.0.0.1:1", "--seed", "x"], "Not a whole number"],
  [["hosted-cache", "127.0.0.1:1", "--expect-401"], "--expect-401 needs --tls"],
  [["hosted-client", "--run", "get {url}"], "--listen is missing"],
  [["hosted-client", "--listen", "127.0.0.1:0"], "either --run or --manual is needed"],
  [["hosted-client", "--listen", "127.0.0.1:0", "--run", "get"], "no {url} in the command: get"],
  [
    ["hosted-client", "--listen", "127.0.0.1:0", "--run", "get {url}", "--expect-token"],
    "--expect-token needs --tls-listen",
  ],
  [
    ["hosted-client", "--listen", "127.0.0.1:0", "--run", "get {url}", "--tls-listen", "127.0.0.1:0"],
    "--tls-listen, --tls-cert and --tls-key belong together",
  ],
])("returns 2 for %j", async (args, message) => {
  const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  await runProgram(conformanceProgram(), ["node", "branchcache-conformance", ...args]);
  expect(said.mock.calls.map(([text]) => String(text)).join("")).toContain(message);
  expect(process.exitCode).toBe(2);
});
