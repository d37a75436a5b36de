import { BranchCacheError } from "@branchcache/runtime";
import { resolveConfig } from "../../config/resolve.ts";
import {
  certificateFilesOf,
  certificateNames,
  ensureCertificate,
  makeCertificate,
  readCertificate,
} from "../../hosted/certificate.ts";
import { fullName } from "../../hosted/full-name.ts";
import type { ConfigGlobals } from "../../options/config-option.ts";
import { type OutputOptions, print, printLines } from "../../terminal/output.ts";
import { announcementText, dnsText, policyText, serviceConnectionPointLdif } from "./announcement.ts";
import { trustInformation, trustText } from "./trust-text.ts";

export interface TrustOptions extends OutputOptions {
  /** Make the certificate anew, for these. */
  readonly name?: readonly string[];
  readonly pem?: true;
}

/** Errors: `BC_TLS_CERTIFICATE`; `BC_USAGE` for names where the certificate is the administrator's own. */
export async function showTrust(options: TrustOptions, { config: configFile }: ConfigGlobals): Promise<void> {
  const { name: names, pem } = options;
  const { settings } = await resolveConfig({ configFile });
  const files = certificateFilesOf(settings);
  if (names !== undefined) {
    if (files.given)
      throw new BranchCacheError("BC_USAGE", "hosted_server.cert is a certificate of your own: none is made");
    const { addresses } = await certificateNames();
    await makeCertificate(files, { names, addresses });
  }
  const { cert } = files.given ? await readCertificate(files) : await ensureCertificate(files);
  if (pem) {
    printLines([cert.trimEnd()]);
    return;
  }
  const information = trustInformation(files.cert, cert);
  print(options, information, [trustText(information).trimEnd()]);
}

export interface AnnounceOptions extends OutputOptions {
  readonly host?: string;
  readonly computerDn?: string;
}

export async function announce(options: AnnounceOptions, globals: ConfigGlobals): Promise<void> {
  const { parts, text } = await announcement(options, globals);
  print(options, parts, [text.trimEnd()]);
}

export interface Announcement {
  /** One each for the directory, for Windows clients' policies, and for clients of this software. */
  readonly parts: { readonly ldif: string; readonly policy: string; readonly dns: string };
  /** All of it for people: LDIF, and the rest as its comments. */
  readonly text: string;
}

export async function announcement(
  { computerDn, host }: AnnounceOptions,
  { config: configFile }: ConfigGlobals,
): Promise<Announcement> {
  const { settings } = await resolveConfig({ configFile });
  const { http_port: httpPort, https_port: httpsPort } = settings.hosted_server;
  const options = {
    host: host ?? (await fullName()),
    httpPort,
    httpsPort,
    ...(computerDn === undefined ? {} : { computerDn }),
  };
  return {
    parts: {
      ldif: serviceConnectionPointLdif(options),
      policy: policyText(options),
      dns: dnsText(options),
    },
    text: announcementText(options),
  };
}
