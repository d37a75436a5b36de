/** Daemons as hosted cache and clients, as administrators have it: announcement, client certificates, renewed certificate. */
import { randomBytes } from "node:crypto";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "@branchcache/cli/testing";
import { OFFER_PATH_V1 } from "@branchcache/hosted-cache";
import { parseEndpoint } from "@branchcache/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import certificates from "../support/certificates.json" with { type: "json" };
import { command } from "../support/commands.mjs";
import { contentServer } from "../support/content-server.ts";
import { socketsBeside, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { runCommand } from "../support/run-command.ts";

describe("a daemon as hosted cache", () => {
  let directory: string;
  let daemon: TestDaemon;
  let port: number;
  const files = (name: string) => ({
    cert: join(directory, `${name}.pem`),
    key: join(directory, `${name}.key`),
  });

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "branchcache-hosted-"));
    for (const name of ["server", "renewed"]) {
      await makeCertificate(files(name), { names: [name], addresses: ["127.0.0.1"] });
    }
    await writeFile(join(directory, "ca.pem"), certificates.ca.cert);
    daemon = await startDaemon({
      settings: {
        log: { format: "json" },
        mode: "hosted-server",
        peer: { listen_address: "127.0.0.1" },
        hosted_server: {
          ...files("server"),
          http_port: 0,
          https_port: 0,
          allow_own_addresses: true,
          client_auth: "tls",
          client_ca: join(directory, "ca.pem"),
        },
      },
    });
    port = parseEndpoint((await daemon.process.event("hosted.serving"))["https"] ?? "")?.port ?? 0;
  });
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const offer = async (
    as?: "client" | "stranger",
  ): Promise<{ readonly status: number | undefined; readonly name: string }> => {
    const identity = as === undefined ? {} : certificates[as];
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: "127.0.0.1",
          port,
          path: OFFER_PATH_V1,
          method: "POST",
          agent: false,
          rejectUnauthorized: false,
          ...identity,
        },
        (answer) => {
          const { socket } = answer;
          const name =
            "getPeerCertificate" in socket
              ? String((socket as import("node:tls").TLSSocket).getPeerCertificate().subject.CN)
              : "";
          answer.resume().once("end", () => resolve({ status: answer.statusCode, name }));
        },
      );
      sent.once("error", reject);
      sent.end("x");
    });
  };

  it("client_auth tls: takes the offer of a certificate's holder, and neither a stranger's nor one without a certificate", async () => {
    const answers = [await offer("client"), await offer("stranger"), await offer()].map(
      ({ status }) => status,
    );
    // What it takes it reads, and this is no offer.
    expect(answers).toEqual([400, 403, 403]);
  });

  /** A daemon that uses the hosted cache, and proves itself with this certificate. */
  const clientDaemon = async (identity: "client" | "stranger") => {
    const { http = "" } = await daemon.process.event("hosted.serving");
    for (const part of ["cert", "key"] as const) {
      await writeFile(join(directory, `${identity}.${part}`), certificates[identity][part]);
    }
    return startDaemon({
      settings: {
        log: { format: "json" },
        mode: "hosted-client",
        content_info: { preferred: 1 },
        peer: { listen_address: "127.0.0.1", listen_port: 0 },
        hosted_client: {
          servers: [http],
          https_port: port,
          offer_version: 1,
          ca: files("server").cert,
          cert: join(directory, `${identity}.cert`),
          key: join(directory, `${identity}.key`),
        },
      },
    });
  };
  const held = async (): Promise<Readonly<Record<"complete" | "partial", number>>> => {
    const { output } = await daemon.run("status", "cache", "--json");
    return JSON.parse(output).data.segments;
  };

  it("PCHC-14 PCHC-47 PCHC-50 PCHC-71 client_auth tls: what a stranger offers is refused, what the holder of a certificate offers is pulled, verified and served", async () => {
    await using origin = await contentServer();
    const content = randomBytes(300_000);
    await origin.put(content);
    await origin.hashed();
    const get = async (client: TestDaemon) => {
      const file = join(client.directory, "got");
      const { code, complaint, output } = await client.run("get", origin.url, "-o", file, "--json");
      expect([code, complaint]).toEqual([0, expect.any(String)]);
      expect((await readFile(file)).equals(content)).toBe(true);
      return JSON.parse(output).bytes;
    };
    await using stranger = await clientDaemon("stranger");
    expect(await get(stranger)).toMatchObject({ origin: 300_000, hosted: 0 });
    expect((await stranger.process.event("offer.failed"))["reason"]).toContain("refused by the hosted cache");
    expect((await daemon.process.event("peer.denied"))["reason"]).toContain("client certificate");
    expect(await held()).toEqual({ complete: 0, partial: 0 });

    await using holder = await clientDaemon("client");
    expect(await get(holder)).toMatchObject({ origin: 300_000, hosted: 0 });
    while ((await held()).complete === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    await using reader = await clientDaemon("stranger");
    expect(await get(reader)).toMatchObject({ origin: 0, hosted: 300_000 });
  }, 300_000);

  it("serves a renewed certificate without a restart", async () => {
    expect((await offer("client")).name).toEqual("server");
    await copyFile(files("renewed").key, files("server").key);
    await copyFile(files("renewed").cert, files("server").cert);
    await daemon.process.event("hosted.certificate_loaded");
    expect((await offer("client")).name).toEqual("renewed");
  }, 300_000);

  const PARTS = ["objectClass: serviceConnectionPoint", "Untested with Windows", "_branchcache._tcp."];

  it("enable hosted-server --announce prints what points clients here", async () => {
    const { code, complaint, output } = await daemon.run("enable", "hosted-server", "--announce");
    expect([code, complaint]).toEqual([0, ""]);
    for (const part of PARTS) expect(output).toContain(part);
    const asJson = await daemon.run("enable", "hosted-server", "--announce", "--json");
    expect(JSON.parse(asJson.output)).toMatchObject({
      mode: "hosted-server",
      daemon: true,
      announcement: {
        ldif: expect.stringContaining("objectClass"),
        policy: expect.stringContaining("Enabled"),
      },
    });
  });

  it("hosted trust --name makes another certificate where the configuration file puts it", async () => {
    const file = join(directory, "own.json");
    await writeFile(
      file,
      JSON.stringify({
        content_server: { secret_file: join(directory, "own", "secret") },
        hosted_server: { https_port: 8443 },
      }),
    );
    const run = (...words: readonly string[]) =>
      runCommand(command("branchcache", ...words, "--config", file));
    const trust = async (...more: readonly string[]) =>
      JSON.parse((await run("hosted", "trust", "--json", ...more)).output);
    const own = await trust();
    expect(own.file).toEqual(join(directory, "own", "hosted-cache.pem"));
    const named = await trust("--name", "cache.branch.example", "--name", "cache");
    expect(named.names).toEqual(expect.arrayContaining(["DNS:cache.branch.example", "DNS:cache"]));
    expect(named.fingerprint256).not.toEqual(own.fingerprint256);
    expect((await trust()).fingerprint256).toEqual(named.fingerprint256);
    expect((await run("hosted", "announce")).output).toContain("HTTPS:8443");
    expect(await daemon.run("hosted", "trust", "--name", "x")).toMatchObject({ code: 2 });
  });

  it("enable hosted-server --announce prints it without a daemon too, and says that none runs", async () => {
    const file = join(directory, "branchcache.json");
    const socket = join(directory, "none", "api.sock");
    const enable = (...more: readonly string[]) =>
      runCommand(command("branchcache", "--config", file, "enable", "hosted-server", "--announce", ...more), {
        env: socketsBeside(socket),
      });
    await writeFile(file, "{}");
    const { code, complaint, output } = await enable();
    expect([code, complaint]).toEqual([3, expect.stringContaining("no daemon runs")]);
    for (const part of PARTS) expect(output).toContain(part);
    const asJson = await enable("--json");
    expect([asJson.code, JSON.parse(asJson.output)]).toEqual([
      3,
      expect.objectContaining({ mode: "hosted-server", daemon: false, announcement: expect.any(Object) }),
    ]);
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({ mode: "hosted-server" });
  });
});
