/** The certificate of a hosted cache: there, of its key, and valid. */
import { X509Certificate } from "node:crypto";
import { hostname } from "node:os";
import { systemClock } from "@branchcache/runtime/node";
import type { Settings } from "../config/schema.ts";
import { faultAndCure } from "../config/setting-error.ts";
import { readCertificate } from "../hosted/certificate.ts";
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
    const certificate = new X509Certificate((await readCertificate({ cert, key })).cert);
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
    const { fault, cure } = faultAndCure(error);
    return [bad("certificate", fault, cure)];
  }
}
