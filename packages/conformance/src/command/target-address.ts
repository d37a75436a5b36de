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
