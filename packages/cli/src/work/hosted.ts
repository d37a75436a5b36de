import { lookup } from "node:dns/promises";
import { hostname } from "node:os";
import { resolveConfig } from "../config/resolve.ts";
import type { Settings } from "../config/schema.ts";
import { announcementText, dnsText, policyText, serviceConnectionPointLdif } from "../hosted/announcement.ts";
import { certificateFilesBeside, ensureCertificate, readCertificate } from "../hosted/certificate.ts";
import { trustInformation, trustText } from "../hosted/trust-text.ts";

export interface TrustOptions {
  readonly pem?: true;
  readonly json?: true;
  readonly config?: string;
}

export async function showTrust({ config, json, pem }: TrustOptions): Promise<void> {
  const { settings } = await resolveConfig({ configFile: config });
  const files = certificateFilesOf(settings);
  const { cert } = files.given ? await readCertificate(files) : await ensureCertificate(files);
  if (pem) {
    process.stdout.write(cert);
    return;
  }
  const information = trustInformation(files.cert, cert);
  process.stdout.write(json ? `${JSON.stringify(information)}\n` : trustText(information));
}

export function certificateFilesOf({ content_server: content, hosted_server: hosted }: Settings): {
  readonly cert: string;
  readonly key: string;
  readonly given: boolean;
} {
  const { cert, key } = hosted;
  if (cert !== undefined && key !== undefined) return { cert, key, given: true };
  return { ...certificateFilesBeside(content.secret_file), given: false };
}

export interface AnnounceOptions {
  readonly host?: string;
  readonly computerDn?: string;
  readonly json?: true;
  readonly config?: string;
}

export async function announce(options: AnnounceOptions): Promise<void> {
  const { parts, text } = await announcement(options);
  process.stdout.write(options.json ? `${JSON.stringify(parts)}\n` : text);
}

export interface Announcement {
  /** One each for the directory, for Windows clients' policies, and for clients of this software. */
  readonly parts: { readonly ldif: string; readonly policy: string; readonly dns: string };
  /** All of it for people: LDIF, and the rest as its comments. */
  readonly text: string;
}

export async function announcement({ computerDn, config, host }: AnnounceOptions): Promise<Announcement> {
  const { settings } = await resolveConfig({ configFile: config });
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

async function fullName(): Promise<string> {
  const name = hostname();
  if (name.includes(".")) return name;
  // The resolver may know the domain that the kernel does not.
  const { address } = await lookup(name).catch(() => ({ address: undefined }));
  if (address === undefined) return name;
  const { lookupService } = await import("node:dns/promises");
  return lookupService(address, 80).then(
    ({ hostname: found }) => (found.startsWith(`${name}.`) ? found : name),
    () => name,
  );
}
