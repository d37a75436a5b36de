/** What an administrator puts into Active Directory, policy or DNS so that clients find the hosted cache. */

export interface AnnouncementOptions {
  /** Full name of this host in DNS. */
  readonly host: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Of this host's account in the directory; by default a place to fill in. */
  readonly computerDn?: string;
}

/** `DC=branch,DC=example` of a name below that domain. */
function baseDnOf(host: string): string {
  const [, ...labels] = host.split(".");
  return labels.map((label) => `DC=${escapeDn(label)}`).join(",");
}

export function computerDnOf(host: string): string {
  const [name = host] = host.split(".");
  const base = baseDnOf(host);
  return `CN=${escapeDn(name.toUpperCase())},CN=Computers,${base === "" ? "DC=example,DC=com" : base}`;
}

/** RFC 4514 */
function escapeDn(value: string): string {
  return value.replace(/[\\,+"<>;=#]/g, (character) => `\\${character}`);
}

/**
 * The entry of a service connection point, as LDIF (RFC 2849). Attributes are those of every such entry; which
 * values Windows looks for is not published, so that this is a start and not tested with Windows.
 */
export function serviceConnectionPointLdif(options: AnnouncementOptions): string {
  const { computerDn = computerDnOf(options.host), host, httpPort, httpsPort } = options;
  return [
    "# Untested with Windows: the keywords that its clients search for are not published. The policy values do",
    "# the same and are documented; prefer them.",
    `dn: CN=BranchCacheHostedCache,${computerDn}`,
    "changetype: add",
    "objectClass: serviceConnectionPoint",
    "cn: BranchCacheHostedCache",
    "serviceClassName: BranchCacheHostedCache",
    "keywords: BranchCache",
    "keywords: HostedCache",
    `serviceDNSName: ${host}`,
    "serviceDNSNameType: A",
    `serviceBindingInformation: HTTP:${httpPort}`,
    `serviceBindingInformation: HTTPS:${httpsPort}`,
    "",
  ].join("\n");
}

/** Registry values behind the policies; a policy object sets the same. */
export function policyText({ host, httpPort, httpsPort }: AnnouncementOptions): string {
  const root = String.raw`HKLM\SOFTWARE\Policies\Microsoft\PeerDist`;
  const local = String.raw`HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\PeerDist`;
  const lines = [
    "Policies: Computer Configuration > Administrative Templates > Network > BranchCache",
    "  Turn on BranchCache: Enabled",
    `  Configure Hosted Cache Servers (Windows 8 and later): ${host}`,
    `  Set BranchCache Hosted Cache mode (Windows 7; HTTPS, the name must be the certificate's): ${host}`,
    "",
    "The same on one client, Windows 8 and later:",
    `  Enable-BCHostedClient -ServerNames ${host}`,
    "The same on Windows 7:",
    `  netsh branchcache set service mode=HOSTEDCLIENT location=${host}`,
    "",
    "Registry keys that the policies write to:",
    `  ${root}\\Service  Enable = 1`,
    `  ${root}\\HostedCache\\MultipleServers  the list of servers`,
    `  ${root}\\HostedCache\\Connection  the one server of Windows 7`,
  ];
  if (httpPort !== 80 || httpsPort !== 443) {
    lines.push(
      "",
      "This cache is not on the usual ports; on every client as well:",
      `  ${local}\\HostedCache\\Connection  HttpConnectPort = ${httpPort}, ConnectPort = ${httpsPort}`,
      `  ${local}\\DownloadManager\\Peers\\Connection  ConnectPort = ${httpPort}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

/** For clients of this software: they look for it in mode `auto`, or with `hosted_client.discover`. */
export function dnsText({ host, httpPort }: AnnouncementOptions): string {
  const [name = host, ...labels] = host.split(".");
  const domain = labels.join(".") || "example.com";
  return `_branchcache._tcp.${domain}. 3600 IN SRV 10 100 ${httpPort} ${name}.${domain}.\n`;
}

/** All of it, with headings that LDIF tools take for comments. */
export function announcementText(options: AnnouncementOptions): string {
  const comment = (text: string): string =>
    text
      .split("\n")
      .map((line) => (line === "" ? "#" : `# ${line}`))
      .join("\n");
  const short = options.host.includes(".")
    ? []
    : [
        `# ${options.host} is no full name, and example.com stands for the domain: put the right one in its place, or let`,
        "# `branchcache hosted announce --host cache.branch.example` do it.",
        "",
      ];
  return [
    ...short,
    "# --- Group Policy (Windows clients) ---",
    comment(policyText(options)),
    "# --- DNS (clients of this software) ---",
    comment(dnsText(options)),
    "# --- Service connection point: all of this, comments too, is for `ldapmodify -f` or `ldifde -i -f` ---",
    serviceConnectionPointLdif(options),
  ].join("\n");
}
