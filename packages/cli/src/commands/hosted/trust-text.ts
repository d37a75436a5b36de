/** How clients come to trust a hosted cache's certificate, and to use the cache: words for the administrator. */
import { X509Certificate } from "node:crypto";

export interface TrustInformation {
  readonly file: string;
  readonly subject: string;
  readonly names: readonly string[];
  readonly fingerprint256: string;
  readonly validTo: string;
  readonly selfSigned: boolean;
}

export function trustInformation(file: string, pem: string): TrustInformation {
  const certificate = new X509Certificate(pem);
  return {
    file,
    subject: certificate.subject.replaceAll("\n", ", "),
    names: (certificate.subjectAltName ?? "").split(", ").filter(Boolean),
    fingerprint256: certificate.fingerprint256,
    validTo: new Date(certificate.validTo).toISOString(),
    selfSigned: certificate.checkIssued(certificate),
  };
}

export function trustText({
  file,
  fingerprint256,
  names,
  selfSigned,
  subject,
  validTo,
}: TrustInformation): string {
  const name = names.find((each) => each.startsWith("DNS:"))?.slice(4) ?? "the name in the certificate";
  const head = [
    `certificate  ${file}`,
    `subject      ${subject}`,
    `names        ${names.join(", ")}`,
    `SHA-256      ${fingerprint256}`,
    `valid until  ${validTo}`,
    "",
    "Offers over HTTPS are what Windows 7 makes, and later Windows when it is told to; offers over HTTP need no certificate.",
    `Clients must call this cache by a name of the certificate, such as ${name}, not by another one.`,
    ...(selfSigned
      ? ["Another name: branchcache hosted trust --name cache.branch.example makes it anew."]
      : []),
    "",
  ];
  if (!selfSigned)
    return [...head, "It is issued by somebody else: clients that trust the issuer trust it.", ""].join("\n");
  return [
    ...head,
    "It is self-signed, so that clients must be told to trust it. Compare the fingerprint wherever it is installed.",
    "",
    "One Windows client, as administrator:",
    "  certutil -addstore -f Root hosted-cache.pem",
    "",
    "All clients of a domain: Group Policy, Computer Configuration > Policies > Windows Settings > Security Settings >",
    "  Public Key Policies > Trusted Root Certification Authorities > Import hosted-cache.pem",
    "",
    "Windows 7, once it is trusted:",
    `  netsh branchcache set service mode=HOSTEDCLIENT location=${name}`,
    "Windows 8 and later, where offers over HTTPS are wanted:",
    `  Enable-BCHostedClient -ServerNames ${name} -UseVersion Windows7`,
    "",
    "Clients of this software take offers by HTTP, and need it only where those are closed: with the file copied to",
    "/etc/branchcache, and Content Information 1.0, which is all that offers by HTTPS are about,",
    "  branchcache config set hosted_client.ca /etc/branchcache/hosted-cache.pem " +
      "hosted_client.offer_version 1 content_info.preferred 1",
    "",
  ].join("\n");
}
