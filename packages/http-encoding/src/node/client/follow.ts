/** A GET that follows redirects. RFC 9110 15.4 */
import { fieldText } from "../../http-fields.ts";
import { redactUrl } from "../../redact-url.ts";
import { OriginError } from "./errors.ts";
import { type Exchange, type ExchangeOptions, exchange } from "./exchange.ts";

export interface FollowOptions extends ExchangeOptions {
  readonly maxRedirects: number;
}

export interface Followed {
  readonly answer: Exchange;
  readonly finalUrl: URL;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Meant for the server that the caller named, and for no other. */
const CREDENTIALS = new Set(["authorization", "cookie", "proxy-authorization", "host"]);

/** `headers` in any case. User information in the URL becomes Basic authorization, as other clients do. */
export async function follow(
  url: string,
  headers: Readonly<Record<string, string>>,
  options: FollowOptions,
  signal: AbortSignal | undefined,
): Promise<Followed> {
  let target = parseTarget(url, undefined);
  let fields = withUserInformation(headers, target);
  for (let redirects = 0; ; redirects++) {
    const bare = new URL(target);
    bare.username = "";
    bare.password = "";
    bare.hash = "";
    const answer = await exchange(bare, fields, options, signal);
    const location = fieldText(answer.headers, "location");
    if (!REDIRECTS.has(answer.status) || location === undefined) return { answer, finalUrl: bare };
    answer.discard();
    if (redirects === options.maxRedirects) {
      throw new OriginError(
        "BC_ORIGIN_REDIRECT",
        `${redactUrl(url)} redirects more than ${redirects} times`,
        {
          peerStatus: answer.status,
        },
      );
    }
    const next = parseTarget(location, target);
    if (next.origin !== target.origin) {
      fields = Object.fromEntries(
        Object.entries(fields).filter(([name]) => !CREDENTIALS.has(name.toLowerCase())),
      );
    }
    target = next;
  }
}

function parseTarget(text: string, base: URL | undefined): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  if (base)
    throw new OriginError("BC_ORIGIN_REDIRECT", `${redactUrl(base)} redirects to no http or https URL`);
  throw new OriginError("BC_ORIGIN_URL", "not an http or https URL");
}

function withUserInformation(
  headers: Readonly<Record<string, string>>,
  url: URL,
): Readonly<Record<string, string>> {
  const given = Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
  if (given || (url.username === "" && url.password === "")) return headers;
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { ...headers, Authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}
