/** Header fields on their way through: end to end unchanged, hop by hop taken off. RFC 9110 7.6.1 */
import type { IncomingMessage } from "node:http";
import { plainAddress } from "@branchcache/runtime";

/** `[name, value, name, value ...]` with their case, order and repetitions, as Node.js and undici have them. */
export type RawFields = readonly string[];

/**
 * X-Forwarded-For, -Host and -Proto. `keep`: as the client sent them. `append`: the client's address after
 * what a proxy in front said. `replace`: ours only, where clients come straight to us.
 */
export type ForwardedMode = "keep" | "append" | "replace";

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const FORWARDED = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/** What our own server answers already, or our own client sets. */
const REQUEST_ONLY: readonly string[] = ["expect", "host", "http2-settings"];

export const CONDITION_FIELDS = [
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
];
/** The coding is of the content as it is. */
export const OFFER_FIELDS = ["accept-encoding", "x-p2p-peerdist", "x-p2p-peerdistex"];

export interface RequestFieldsOptions {
  /** Value of Host for the origin. */
  readonly host: string;
  readonly forwarded: ForwardedMode;
  /** In lower case, to be left out as well. */
  readonly without: readonly string[];
  readonly add: Readonly<Record<string, string>>;
}

export function requestFields(request: IncomingMessage, options: RequestFieldsOptions): string[] {
  const { host, forwarded, without, add } = options;
  const { rawHeaders } = request;
  const fields = ["Host", host];
  const named = namedByConnection(rawHeaders);
  const ours = forwarded === "keep" ? NONE : FORWARDED;
  pushOthers(fields, rawHeaders, REQUEST_ONLY, named, without, ours);
  if (forwarded !== "keep") fields.push(...forwardedFields(request, forwarded));
  for (const [name, value] of Object.entries(add)) fields.push(name, value);
  return fields;
}

export function responseFields(
  rawFields: RawFields,
  changes: Readonly<Record<string, string | undefined>>,
): string[] {
  const changed = Object.keys(changes).map((name) => name.toLowerCase());
  const fields: string[] = [];
  pushOthers(fields, rawFields, namedByConnection(rawFields), changed);
  for (const [name, value] of Object.entries(changes)) if (value !== undefined) fields.push(name, value);
  return fields;
}

/** Fields that Connection declares hop by hop besides the known ones. */
function namedByConnection(rawFields: RawFields): readonly string[] {
  let names: string[] | undefined;
  for (let i = 0; i < rawFields.length; i += 2) {
    const name = rawFields[i] ?? "";
    if (name.length !== 10 || name.toLowerCase() !== "connection") continue;
    for (const listed of (rawFields[i + 1] ?? "").split(",")) {
      const known = listed.trim().toLowerCase();
      if (NEVER_DROPPED.has(known) || HOP_BY_HOP.has(known)) continue;
      names ??= [];
      names.push(known);
    }
  }
  return names ?? NONE;
}

const NONE: readonly string[] = [];

/** A client that names these in Connection must not strip what access checks and framing rest on. */
const NEVER_DROPPED = new Set([
  "authorization",
  "content-length",
  "content-type",
  "cookie",
  "host",
  "range",
  ...FORWARDED,
]);

/** All that go from end to end and are in none of the lists, in lower case. Runs for every request and answer. */
function pushOthers(
  fields: string[],
  rawFields: RawFields,
  ...without: readonly (readonly string[])[]
): void {
  for (let i = 0; i + 1 < rawFields.length; i += 2) {
    const name = rawFields[i] ?? "";
    const known = name.toLowerCase();
    if (HOP_BY_HOP.has(known) || without.some((names) => names.includes(known))) continue;
    fields.push(name, rawFields[i + 1] ?? "");
  }
}

function forwardedFields(request: IncomingMessage, mode: "append" | "replace"): string[] {
  const known = (name: string) => {
    const value = mode === "append" ? request.headers[name] : undefined;
    return value === undefined ? undefined : String(value);
  };
  const before = known("x-forwarded-for");
  const address = plainAddress(request.socket.remoteAddress ?? "");
  const fields = ["X-Forwarded-For", before ? `${before}, ${address}` : address];
  const host = known("x-forwarded-host") ?? request.headers.host;
  if (host !== undefined) fields.push("X-Forwarded-Host", host);
  const encrypted = "encrypted" in request.socket && request.socket.encrypted === true;
  fields.push("X-Forwarded-Proto", known("x-forwarded-proto") ?? (encrypted ? "https" : "http"));
  return fields;
}
