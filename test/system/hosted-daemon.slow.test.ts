/** A daemon as hosted cache, as administrators have it: the announcement, client certificates, a renewed certificate. */
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "@branchcache/cli/testing";
import { OFFER_PATH_V1 } from "@branchcache/hosted-cache";
import { parseEndpoint } from "@branchcache/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import certificates from "../support/certificates.json" with { type: "json" };
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

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

  it("serves a renewed certificate without a restart", async () => {
    expect((await offer("client")).name).toEqual("server");
    await copyFile(files("renewed").key, files("server").key);
    await copyFile(files("renewed").cert, files("server").cert);
    await daemon.process.event("hosted.certificate_loaded");
    expect((await offer("client")).name).toEqual("renewed");
  }, 60_000);

  it("enable hosted-server --announce prints what points clients here", async () => {
    const { code, complaint, output } = await daemon.run("enable", "hosted-server", "--announce");
    expect([code, complaint]).toEqual([0, ""]);
    for (const part of [
      "objectClass: serviceConnectionPoint",
      "Untested with Windows",
      "_branchcache._tcp.",
    ]) {
      expect(output).toContain(part);
    }
  });
});
