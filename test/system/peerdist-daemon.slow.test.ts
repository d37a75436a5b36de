/** The guide's programs for the Peer Distribution API between real daemons; and what a program sees of a daemon that dies. */
import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BackgroundProcess, freeUdpPort, startProcess } from "@branchcache/cli/testing";
import { createPeerDist, type Out, Overlapped, PEERDIST_STATUS } from "@branchcache/peerdist";
import { daemon } from "@branchcache/peerdist/node";
import { connectPeerDist, type PeerDist } from "@branchcache/peerdist/promises";
import { systemClock as clock } from "@branchcache/runtime/node";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { command } from "../support/commands.mjs";
import { compileMarkdownPrograms, type MarkdownPrograms } from "../support/markdown-programs.ts";
import { openReportOffice } from "../support/report-office.ts";
import { playReport } from "../support/report-play.ts";
import { requirement } from "../support/requires.ts";

const netns = requirement("ip netns");
const SIZE = 3 * 1024 * 1024 + 5;
const identifier = new TextEncoder().encode("/reports/2026");

describe("programs of the Peer Distribution API", () => {
  let guide: MarkdownPrograms;
  let directory: string;
  let file: string;
  const content = seededRandom(7).bytes(SIZE);

  beforeAll(async () => {
    guide = await compileMarkdownPrograms("docs/guides/peerdist.md");
    directory = await mkdtemp(join(tmpdir(), "branchcache-report-"));
    await chmod(directory, 0o755);
    file = join(directory, "report");
    await writeFile(file, content);
  });

  afterAll(async () => {
    await guide?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const form = (name: "promises" | "handles") => guide.programs[name === "promises" ? 0 : 1] ?? "";

  describe("on one machine", () => {
    let running: BackgroundProcess;
    let socket: string;
    let home: string;

    async function startDaemon(): Promise<void> {
      running = await startProcess(
        command(
          "branchcached",
          ...["--mode", "local", "--socket", socket, "--cache-dir", join(home, "cache")],
          ...["--secret-file", join(home, "secret"), "--log-format", "json"],
        ),
      );
      await running.event("service.started");
    }

    beforeEach(async () => {
      home = await mkdtemp(join(directory, "home-"));
      socket = join(home, "api.sock");
      await startDaemon();
    });

    afterEach(() => running.stop());

    it.each([
      { publisher: "promises", reader: "handles" },
      { publisher: "handles", reader: "promises" },
    ] as const)(
      "API-53 the programs of the guide, publishing with $publisher, reading with $reader",
      async ({ publisher, reader }) => {
        const counts = await playReport({
          publisher: { prefix: [], program: form(publisher), socket },
          third: { prefix: [], program: form(reader), socket },
          reader: { prefix: [], program: form(reader), socket },
          address: "127.0.0.1",
          port: await freeUdpPort(),
          file,
          sizeBytes: SIZE,
        });
        const { published, told, sent, read, missed, here, readAgain, hereAfterFlush } = counts;
        expect({ published, read, here, readAgain, hereAfterFlush }).toEqual({
          published: SIZE,
          read: SIZE,
          here: SIZE,
          readAgain: SIZE,
          hereAfterFlush: 0,
        });
        // What was there before it began, but for the segment that the quarter cuts through.
        expect(missed).toBeLessThanOrEqual(Math.ceil((SIZE * 3) / 4) + 131_072);
        expect(sent).toBe(2 * Math.floor(SIZE / 4) + missed);
        expect(told).toBeGreaterThan(0);
      },
    );

    it("API-27 API-64 API-71 a daemon that is killed takes handles and publications, and the next serves the same program", async () => {
      const api = createPeerDist({ transport: daemon({ path: socket }), clock });
      const instance: Out<never> = {};
      await api.PeerDistStartup(2, instance);
      const handle: Out<never> = {};
      const tag = { Data: new Uint8Array(16) };
      expect(await api.PeerDistClientOpenContent(instance.value, tag, null, 0, handle)).toBe(0);
      const status = async () => {
        const [box, o, bytes]: [Out<PEERDIST_STATUS>, Overlapped, Out<number>] = [{}, new Overlapped(), {}];
        await api.PeerDistRegisterForStatusChangeNotification(instance.value, null, 0, o, box);
        expect(await api.PeerDistGetOverlappedResult(o, bytes, true)).toBe(true);
        return box.value;
      };
      await using other = await connectPeerDist({ transport: daemon({ path: socket }), clock });
      await other.publish(identifier, [content.subarray(0, 100_000)]);

      expect(await status()).toBe(PEERDIST_STATUS.AVAILABLE);
      const gone = status();
      running.signal("SIGKILL");
      expect(await gone).toBe(PEERDIST_STATUS.UNAVAILABLE);
      expect(await api.PeerDistClientOpenContent(instance.value, tag, null, 0, {})).toBe(4065);
      const complete = () =>
        api.PeerDistClientCompleteContentInformation(instance.value, handle.value, new Overlapped());
      expect(await complete()).toBe(4057);
      const back = status();
      await startDaemon();
      expect(await back).toBe(PEERDIST_STATUS.AVAILABLE);
      expect(await complete()).toBe(4057);
      expect(await api.PeerDistClientCloseContent(instance.value, handle.value)).toBe(0);
      expect(await api.PeerDistClientOpenContent(instance.value, tag, null, 0, {})).toBe(0);
      await expect(informationOf(other)).rejects.toMatchObject({ error: 1168 });
      await other.publish(identifier, [content.subarray(0, 100_000)]);
      expect((await informationOf(other)).length).toBeGreaterThan(0);
      expect(await api.PeerDistShutdown(instance.value)).toBe(0);
    });
  });

  it.skipIf(!netns.ok)(
    "API-73 API-76 the same between two machines, and users who are none of each other's business",
    async () => {
      await using office = await openReportOffice(directory);
      const counts = await playReport({
        publisher: office.seat("head", 1001, form("promises")),
        third: office.seat("head", 1002, form("handles")),
        reader: office.seat("branch", 1003, form("promises")),
        address: office.address("head"),
        port: 8080,
        file,
        sizeBytes: SIZE,
        async meanwhile() {
          const stranger = join(guide.directory, "stranger.js");
          await writeFile(stranger, STRANGER);
          const ask = (uid: number) => {
            const { prefix, socket } = office.seat("head", uid, "");
            const [program = "", ...rest] = [...prefix, process.execPath, stranger, socket];
            return spawnSync(program, rest, { encoding: "utf8" }).stdout.trim();
          };
          expect([ask(1001), ask(1002), ask(0)]).toEqual(["information", "1168", "1168"]);
        },
      });
      const { published, sent, read, missed, here, readAgain, hereAfterFlush } = counts;
      expect({ published, read, here, readAgain, hereAfterFlush }).toEqual({
        published: SIZE,
        read: SIZE,
        here: SIZE,
        readAgain: SIZE,
        hereAfterFlush: 0,
      });
      // The rest came from the cache that the third had filled, over the link.
      expect(missed).toBeLessThanOrEqual(Math.ceil((SIZE * 3) / 4) + 131_072);
      expect(sent).toBe(2 * Math.floor(SIZE / 4) + missed);
    },
  );
});

async function informationOf(peerDist: PeerDist): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of peerDist.contentInformation(identifier)) parts.push(part);
  return Buffer.concat(parts);
}

/** Asks for the Content Information of what the publisher published. */
const STRANGER = `
import { daemon } from "@branchcache/peerdist/node";
import { connectPeerDist } from "@branchcache/peerdist/promises";
import { systemClock as clock } from "@branchcache/runtime/node";
const peerDist = await connectPeerDist({ transport: daemon({ path: process.argv[2] }), clock });
const parts = peerDist.contentInformation(new TextEncoder().encode("/reports/2026"));
const said = await parts.next().then(() => "information", ({ error }) => String(error));
console.log(said);
await parts.return();
await peerDist.close();
`;
