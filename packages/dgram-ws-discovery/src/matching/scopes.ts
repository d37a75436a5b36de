/** The matching rules for scopes. WSD05 5.1; `none` and rfc3986 are WS-Discovery 1.1. */
import { VERSIONS } from "../protocol/versions.ts";

/** Whether a service with scopes `own` matches a probe for `probed`. Pure; the URIs may be anything. */
export type ScopeRule = (probed: readonly string[], own: readonly string[]) => boolean;

const WSD_2005 = VERSIONS["2005/04"].discovery;
const WSD_2009 = VERSIONS["2009/01"].discovery;

/** The scope of a service that names none. */
const AD_HOC_SCOPES: ReadonlySet<string> = new Set([`${WSD_2005}/adhoc`, `${WSD_2009}/DefaultScope`]);

/** Every probed scope matches some scope of the service. */
function everyScope(matches: (probed: string, own: string) => boolean): ScopeRule {
  return (probed, own) =>
    probed.every((scope) =>
      own.length === 0 ? AD_HOC_SCOPES.has(scope) : own.some((candidate) => matches(scope, candidate)),
    );
}

const rfc2396: ScopeRule = everyScope(matchesByPath);
const uuid: ScopeRule = everyScope((probed, own) => {
  const wanted = uuidBits(probed);
  return wanted !== undefined && wanted === uuidBits(own);
});
const ldap: ScopeRule = everyScope(matchesByDirectory);
const strcmp0: ScopeRule = everyScope((probed, own) => probed === own);
const none: ScopeRule = (_probed, own) => own.length === 0;

/** By the URI of MatchBy. Both versions' URIs are known to both, as some implementations mix them. */
export const SCOPE_RULES: ReadonlyMap<string, ScopeRule> = new Map(
  [WSD_2005, WSD_2009].flatMap((prefix) => [
    [`${prefix}/rfc2396`, rfc2396] as const,
    [`${prefix}/rfc3986`, rfc2396] as const,
    [`${prefix}/uuid`, uuid] as const,
    [`${prefix}/ldap`, ldap] as const,
    [`${prefix}/strcmp0`, strcmp0] as const,
    ...(prefix === WSD_2009 ? [[`${prefix}/none`, none] as const] : []),
  ]),
);

interface UriParts {
  readonly scheme: string;
  readonly authority: string;
  readonly segments: readonly string[];
}

/** Scheme and authority without regard to case, then whole path segments as a prefix. */
function matchesByPath(probed: string, own: string): boolean {
  const wanted = parseUri(probed);
  const found = parseUri(own);
  if (!wanted || !found) return false;
  if (wanted.scheme !== found.scheme || wanted.authority !== found.authority) return false;
  if ([...wanted.segments, ...found.segments].some((segment) => segment === "." || segment === ".."))
    return false;
  return wanted.segments.every((segment, i) => segment === found.segments[i]);
}

function parseUri(text: string): UriParts | undefined {
  const colon = text.indexOf(":");
  if (!/^[a-z][a-z0-9+.-]*$/i.test(text.slice(0, Math.max(colon, 0)))) return undefined;
  const scheme = text.slice(0, colon).toLowerCase();
  const hierarchical = text.slice(colon + 1).split(/[?#]/, 1)[0] ?? "";
  let authority = "";
  let path = hierarchical;
  if (hierarchical.startsWith("//")) {
    const slash = hierarchical.indexOf("/", 2);
    authority = hierarchical.slice(2, slash < 0 ? undefined : slash).toLowerCase();
    path = slash < 0 ? "" : hierarchical.slice(slash);
  }
  const segments = path.split("/").map(unescapeUri);
  if (segments[0] === "") segments.shift();
  if (segments.at(-1) === "") segments.pop();
  return { scheme, authority, segments };
}

function unescapeUri(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function uuidBits(text: string): string | undefined {
  const match = /^(?:urn:)?uuid:([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})$/i.exec(text);
  return match?.[1]?.toLowerCase();
}

/** The probed entry is an ancestor of the service's, or the same, on the same server. */
function matchesByDirectory(probed: string, own: string): boolean {
  const wanted = parseLdap(probed);
  const found = parseLdap(own);
  if (!wanted || !found || wanted.server !== found.server) return false;
  const offset = found.names.length - wanted.names.length;
  return offset >= 0 && wanted.names.every((name, i) => name === found.names[offset + i]);
}

function parseLdap(text: string): { readonly server: string; readonly names: readonly string[] } | undefined {
  const match = /^ldap:\/\/([^/?#]*)(?:\/([^?#]*))?/i.exec(text);
  if (!match) return undefined;
  const host = (match[1] ?? "").toLowerCase();
  const server = /:\d+$/.test(host) ? host : `${host.replace(/:$/, "")}:389`;
  const names = splitUnescaped(unescapeUri(match[2] ?? "")).map((name) =>
    name
      .split("=")
      .map((part) => part.trim().toLowerCase())
      .join("="),
  );
  return { server, names };
}

/** At each comma without backslash. */
function splitUnescaped(name: string): string[] {
  const parts: string[] = [];
  let part = "";
  for (let i = 0; i < name.length; i++) {
    if (name[i] === "\\") part += name[i] + (name[++i] ?? "");
    else if (name[i] === ",") {
      parts.push(part);
      part = "";
    } else part += name[i];
  }
  if (part !== "" || parts.length > 0) parts.push(part);
  return parts;
}
