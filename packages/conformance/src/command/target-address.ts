import { BranchCacheError, type Endpoint, parseEndpoint } from "@branchcache/runtime";

/** Errors: `BC_CONFORMANCE_INPUT`. */
export function parseTarget(text: string): Endpoint {
  const endpoint = parseEndpoint(text);
  if (endpoint) return endpoint;
  throw new BranchCacheError(
    "BC_CONFORMANCE_INPUT",
    `${text} is no host and port such as 192.0.2.1:80 or [2001:db8::1]:80`,
  );
}

/** An address of this host, where port 0 means any free one. Errors: `BC_CONFORMANCE_INPUT`. */
export function parseOwnAddress(text: string): Endpoint {
  return text.endsWith(":0") ? { ...parseTarget(text.replace(/0$/, "1")), port: 0 } : parseTarget(text);
}

/** `8080`, `127.0.0.1:8080` or `[::1]:8080`. Errors: `BC_CONFORMANCE_INPUT`. */
export function parseListen(text: string): { readonly host?: string; readonly port: number } {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return { port: Number(text) };
  const { address: host, port } = parseOwnAddress(text);
  return { host, port };
}
