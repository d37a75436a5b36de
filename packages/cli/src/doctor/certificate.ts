/** The certificate of a hosted cache: there, of its key, and valid. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { errorMessage } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import type { Settings } from "../config/schema.ts";
import { bad, type Finding, good } from "./finding.ts";

const SOON_MS = 30 * 86_400_000;

/** `wallMs`: the clock that it is valid by. */
export async function checkCertificate(
  { hosted_server: server }: Pick<Settings, "hosted_server">,
  wallMs: () => number = systemClock.wallMs,
): Promise<readonly Finding[]> {
  const { cert, key } = server;
  if (cert === undefined || key === undefined) return [];
  try {
    const certificate = new X509Certificate(await readFile(cert));
    if (!certificate.checkPrivateKey(createPrivateKey(await readFile(key)))) {
      return [
        bad(
          "certificate",
          `hosted_server.key ${key} is not the key of the certificate ${cert}`,
          "name the key that the certificate was made for",
        ),
      ];
    }
    const endsMs = Date.parse(certificate.validTo);
    const leftMs = endsMs - wallMs();
    if (leftMs < SOON_MS) {
      const when = new Date(endsMs).toISOString().slice(0, 10);
      return [
        bad(
          "certificate",
          leftMs < 0 ? `the certificate ended on ${when}` : `the certificate ends on ${when}`,
          "renew it: the new file is read as soon as it is there",
        ),
      ];
    }
    if (!certificate.checkHost(hostname()) && !certificate.subjectAltName) {
      return [
        bad(
          "certificate",
          `the certificate names no host by subjectAltName, and not ${hostname()}`,
          "clients compare the name they are given with the certificate: make one with that name",
        ),
      ];
    }
    return [
      good("certificate", `the certificate is valid until ${new Date(endsMs).toISOString().slice(0, 10)}`),
    ];
  } catch (error) {
    return [
      bad(
        "certificate",
        `hosted_server.cert: ${errorMessage(error)}`,
        `give readable PEM files in ${cert} and ${key}`,
      ),
    ];
  }
}
