/** The Wireshark dissector on a recording of our own traffic. */
import { spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeUdpPort } from "@branchcache/cli/testing";
import { readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { equalBytes, toHex } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { branchNode, PATIENT_MS } from "../support/branch-node.ts";
import { contentServer } from "../support/content-server.ts";
import { requirement } from "../support/requires.ts";
import { specsFolder } from "./kaitai.ts";

const tshark = requirement("tshark");
const tcpdump = requirement("tcpdump");
const root = requirement("root");

/** Records what goes over these ports on loopback while `work` runs; gives the file. */
async function record(folder: string, ports: readonly number[], work: () => Promise<void>): Promise<string> {
  const recorder = spawn(
    tcpdump.path,
    [
      "-i",
      "lo",
      "--immediate-mode",
      "-U",
      // In immediate mode every packet takes a slot of full length: room for a thousand of them.
      "-s",
      "70000",
      "-B",
      "70000",
      "-w",
      "-",
      "udp port 9",
      ...ports.map((port) => `or tcp port ${port}`),
    ],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const parts: Buffer[] = [];
  // The last datagram of the recording, so that nothing before it is missing.
  const last = toHex(seededRandom(process.pid).bytes(16));
  const complete = new Promise<void>((resolve) => {
    recorder.stdout.on("data", (part: Buffer) => {
      parts.push(part);
      if (Buffer.concat(parts.slice(-2)).includes(last)) resolve();
    });
  });
  await once(recorder.stderr, "data");
  await work();
  const socket = createSocket("udp4");
  socket.send(last, 9, "127.0.0.1", () => socket.close());
  await complete;
  recorder.kill();
  const path = join(folder, "traffic.pcap");
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

/** A row for each frame with BranchCache in it: the values of each field, in order. */
function dissect(path: string, httpPorts: readonly number[], fields: readonly string[]): string[][][] {
  const { stdout, stderr, status } = spawnSync(
    tshark.path,
    [
      ...[
        "-X",
        `lua_script:${join(specsFolder, "wireshark", "branchcache.lua")}`,
        "-r",
        path,
        "-Y",
        "branchcache",
      ],
      ...httpPorts.flatMap((port) => ["-d", `tcp.port==${port},http`]),
      ...["-T", "fields", ...fields.flatMap((field) => ["-e", `branchcache.${field}`])],
    ],
    { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
  );
  if (status !== 0) throw new Error(stderr);
  const rows = stdout.split("\n").slice(0, -1);
  return rows.map((row) => row.split("\t").map((values) => (values === "" ? [] : values.split(","))));
}

describe.skipIf(!tshark.ok || !tcpdump.ok || !root.ok)(
  "Wireshark dissector (needs root, tcpdump, tshark)",
  () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "branchcache-wireshark-"));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it.each([1, 2] as const)(
      "shows Content Information %i.0 and the blocks that a peer gives",
      async (version) => {
        const content = seededRandom(version).bytes(400_000);
        await using origin = await contentServer();
        await origin.put(content);
        const discoveryPort = await freeUdpPort();
        await using holder = await branchNode({ discoveryPort, listen: { host: "127.0.0.1", port: 0 } });
        await using reader = await branchNode({ discoveryPort, discovery: { waitMs: PATIENT_MS } });
        const ports = [Number(new URL(origin.url).port), holder.node.serving?.port ?? 0];
        let information: Uint8Array = new Uint8Array(0);
        const path = await record(folder, ports, async () => {
          await holder.get(origin.url, version);
          expect(equalBytes((await reader.get(origin.url, version)).content, content)).toBe(true);
          const answer = await fetch(origin.url, {
            headers: {
              "Accept-Encoding": "peerdist",
              "X-P2P-PeerDist": "Version=1.1",
              "X-P2P-PeerDistEx": `MinContentInformation=1.0, MaxContentInformation=${version}.0`,
            },
          });
          information = new Uint8Array(await answer.arrayBuffer());
        });
        const rows = dissect(path, ports, ["version_major", "type", "segment_id", "block_index", "secret"]);
        const types = rows.flatMap(([, type = []]) => type);
        expect(rows.some(([major = []]) => major.includes(String(version)))).toBe(true);
        expect(types.filter((type) => type === "5").length).toBe(types.filter((type) => type === "3").length);
        const { segments } = readContentInformation(information, nodeHashEngine);
        const blocks = version === 1 ? Math.ceil(content.length / 65_536) : segments.length;
        expect(types.filter((type) => type === "5").length).toBe(blocks);
        const asked = new Set(rows.flatMap(([, , ids = []]) => ids));
        expect([...asked].sort()).toEqual(segments.map(({ id }) => toHex(id)).sort());
        const secrets = rows.flatMap(([, , , , secret = []]) => secret);
        for (const segment of segments) expect(secrets).toContain(toHex(segment.secret));
      },
    );

    it("shows every message of the vectors, and says what is malformed", async () => {
      const vectors = (document: string, structure: string) =>
        (
          JSON.parse(readFileSync(join(specsFolder, document, "vectors", `${structure}.json`), "utf8"))
            .vectors as { name: string; hex: string }[]
        )
          .filter(({ name }) => !name.startsWith("no legal identifier"))
          .map(({ hex }) => Buffer.from(hex, "hex"));
      const retrieval = "/116B50EB-ECE2-41ac-8429-9F9E963361B7/";
      const exchanges = [
        ["version-request", "version-response"],
        ["get-block-list", "block-list"],
        ["get-blocks", "block"],
        ["get-segment-list", "segment-list"],
      ].map(([request = "", response = ""]) => ({
        path: retrieval,
        request: vectors("pccrr", request)[0],
        response: vectors("pccrr", response)[0],
      }));
      const offers = ["initial-offer", "segment-info", "batched-offer"].map((structure) => ({
        path:
          structure === "batched-offer"
            ? "/0131501b-d67f-491b-9a40-c4bf27bcb4d4/"
            : "/C574AC30-5794-4AEE-B1BB-6651C5315029/",
        request: vectors("pchc", structure)[0],
        response: vectors("pchc", "response")[0],
      }));
      const broken = {
        path: retrieval,
        request: Buffer.from("0000000100000002", "hex"),
        response: Buffer.alloc(3),
      };
      const all = [...exchanges, ...offers, broken];
      let next = 0;
      const server = createServer((request, response) => {
        request.resume().on("end", () => response.end(all[next++]?.response));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      const path = await record(folder, [port], async () => {
        for (const { path: target, request = Buffer.alloc(0) } of all) {
          const socket = connect(port, "127.0.0.1");
          socket.write(`POST ${target} HTTP/1.1\r\nHost: peer\r\nContent-Length: ${request.length}\r\n`);
          socket.end(Buffer.concat([Buffer.from("Connection: close\r\n\r\n"), request]));
          socket.resume();
          await once(socket, "close");
        }
      });
      await new Promise((resolve) => server.close(resolve));
      const rows = dissect(path, [port], ["type", "offer_type", "answer", "port", "malformed"]);
      expect(
        rows.map(([type = [], offer = [], answer = []]) => [...type, ...offer, ...answer].join()),
      ).toEqual(["0", "1", "2", "4", "3", "5", "6", "7", "1", "0", "2", "0", "3", "0", "2", ""]);
      expect(rows.map((row) => row[4]?.length ?? 0)).toEqual([...Array(14).fill(0), 1, 1]);
    });
  },
);
