/** Ways to cheat. Files of another user need root to be made; where the tests run as somebody else those rest. */
import { chmod, chown, link, readdir, rename, symlink, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { type ApiServer, type BranchCache, FrameReader, serveApi } from "@branchcache/peer-node";
import { systemRandom } from "@branchcache/runtime/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { createPeerDist } from "../src/index.ts";
import { leaveProof, proofDirectory } from "../src/node/proofs.ts";
import { daemon, IdentityProofs, PEERDIST_PROTOCOL, peerDistProtocol } from "../src/node.ts";
import { startBranch } from "./support/branch.ts";
import { Caller } from "./support/caller.ts";

const uid = process.getuid?.();
const mine = `uid:${uid}`;

describe.skipIf(uid === undefined)("the proof of an identity", () => {
  let home: string;
  let path: string;
  let directory: string;
  let proofs: IdentityProofs;

  beforeEach(async () => {
    home = await temporaryDirectory();
    path = join(home, "api.sock");
    directory = proofDirectory(path);
    proofs = await IdentityProofs.start(path, systemRandom);
  });

  it("API-72 API-77 is a file of one's own that holds the nonce", async () => {
    const nonce = proofs.nonce();
    const takeAway = await leaveProof(path, nonce);
    expect(await proofs.check(nonce)).toBe(mine);
    expect(await readdir(directory)).toEqual([]);
    await takeAway?.();
  });

  it("is good once, and for a nonce that was given out", async () => {
    const nonce = proofs.nonce();
    await leaveProof(path, nonce);
    expect(await proofs.check(nonce)).toBe(mine);
    await leaveProof(path, nonce);
    expect(await proofs.check(nonce)).toBeUndefined();
    const invented = "ab".repeat(32);
    await leaveProof(path, invented);
    expect(await proofs.check(invented)).toBeUndefined();
    const forgotten = proofs.nonce();
    await leaveProof(path, forgotten);
    proofs.forget(forgotten);
    expect(await proofs.check(forgotten)).toBeUndefined();
  });

  it("is no hard link to a file of somebody else", async () => {
    const nonce = proofs.nonce();
    const victim = join(home, "victim");
    await writeFile(victim, nonce, { mode: 0o600 });
    await link(victim, join(directory, nonce));
    expect(await proofs.check(nonce)).toBeUndefined();
  });

  it("is no symbolic link", async () => {
    const nonce = proofs.nonce();
    const victim = join(home, "victim");
    await writeFile(victim, nonce, { mode: 0o600 });
    await symlink(victim, join(directory, nonce));
    expect(await proofs.check(nonce)).toBeUndefined();
  });

  it("is no file of somebody else that was renamed, since that holds no nonce", async () => {
    const nonce = proofs.nonce();
    const victim = join(home, "victim");
    await writeFile(victim, "x".repeat(nonce.length), { mode: 0o600 });
    await rename(victim, join(directory, nonce));
    expect(await proofs.check(nonce)).toBeUndefined();
  });

  it.each([0o644, 0o640, 0o620, 0o4600, 0o400])("is no file of mode %o", async (mode) => {
    const nonce = proofs.nonce();
    await leaveProof(path, nonce);
    await chmod(join(directory, nonce), mode);
    expect(await proofs.check(nonce)).toBeUndefined();
  });

  it("holds the nonce and nothing else", async () => {
    for (const text of ["", "short", `${"0".repeat(64)}\n`]) {
      const nonce = proofs.nonce();
      await writeFile(join(directory, nonce), text, { mode: 0o600 });
      expect(await proofs.check(nonce)).toBeUndefined();
    }
    expect(await proofs.check(proofs.nonce())).toBeUndefined();
  });

  it("is not left under a name that a false daemon made up", async () => {
    for (const nonce of ["../victim", "", "AB".repeat(32), `${"a".repeat(63)}/`]) {
      expect(await leaveProof(path, nonce)).toBeUndefined();
    }
  });

  it("is not left beside a named pipe, which lies in no directory", async () => {
    expect(await leaveProof(String.raw`\\.\pipe\branchcache-api`, "ab".repeat(32))).toBeUndefined();
  });

  it("needs a directory of the daemon's own", async () => {
    const other = join(home, "other.sock");
    await symlink(home, proofDirectory(other));
    await expect(IdentityProofs.start(other, systemRandom)).rejects.toMatchObject({
      code: "BC_API_IDENTITY",
    });
  });

  it.skipIf(uid !== 0)("names the owner of the file, whoever left it", async () => {
    const nonce = proofs.nonce();
    await leaveProof(path, nonce);
    await chown(join(directory, nonce), 65_534, 65_534);
    expect(await proofs.check(nonce)).toBe("uid:65534");
  });

  describe("on the socket", () => {
    let server: ApiServer;
    let branch: Awaited<ReturnType<typeof startBranch>>;

    beforeEach(async () => {
      branch = await startBranch();
      server = await serveApi({
        path,
        branchCache: {} as BranchCache,
        mode: "local",
        protocols: { [PEERDIST_PROTOCOL]: peerDistProtocol({ service: branch.service, proofs }) },
      });
    });

    afterEach(() => server.close());

    const caller = (anonymous = false) =>
      Caller.start(createPeerDist({ transport: daemon({ path, anonymous }), clock: branch.clock }));

    it("gives one's publications to one's other instances, and to nobody without proof", async () => {
      const [a, b] = [await caller(), await caller()];
      const [c, d] = [await caller(true), await caller(true)];
      await a.publish("doc");
      expect((await b.openInformation("doc")).code).toBe(0);
      expect((await c.openInformation("doc")).code).toBe(1168);
      await c.publish("doc");
      expect((await d.openInformation("doc")).code).toBe(1168);
      expect(branch.service.counts.identities).toBe(3);
      expect(await readdir(directory)).toEqual([]);
      for (const { api, instance } of [a, b, c, d]) await api.PeerDistShutdown(instance);
      await expect
        .poll(() => branch.service.counts)
        .toMatchObject({ sessions: 0, identities: 0, publications: 0 });
    });

    it("leaves who claims to have proved and has not without identity", async () => {
      const owner = await caller();
      await owner.publish("doc");
      const id = new TextEncoder().encode("doc");
      const call = { method: "openContentInformation", identifier: id, offsetBytes: 0, lengthBytes: 0 };
      const answers = await talk(path, [
        { op: "hello", protocol: PEERDIST_PROTOCOL },
        { op: "identify", proof: true },
        { op: "call", id: 1, call },
        { op: "close" },
      ]);
      expect(answers).toMatchObject([
        { op: "hello" },
        { op: "status" },
        { op: "identified", proved: false },
        { op: "returned", id: 1, code: 1168 },
        { op: "closed" },
      ]);
      await owner.api.PeerDistShutdown(owner.instance);
    });
  });
});

async function talk(path: string, messages: readonly unknown[]): Promise<unknown[]> {
  const { FrameWriter } = await import("@branchcache/peer-node");
  const answers: unknown[] = [];
  const reader = new FrameReader((message) => answers.push(message));
  await new Promise<void>((resolve, reject) => {
    const socket = createConnection(path, () => {
      const writer = new FrameWriter(socket);
      for (const message of messages) void writer.write(message);
    });
    socket.on("data", (chunk) => reader.push(chunk));
    socket.on("close", () => resolve());
    socket.on("error", reject);
  });
  return answers;
}
