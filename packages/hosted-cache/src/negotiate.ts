/** `Negotiate` and its token, in Authorization and WWW-Authenticate. RFC 4559 */

/** The header's value. */
export function negotiateHeader(token?: Uint8Array): string {
  return token === undefined ? "Negotiate" : `Negotiate ${btoa(String.fromCharCode(...token))}`;
}

/** The token in a header's value: `none` for another scheme or none at all, undefined for the bare word. */
export function negotiateToken(value: string | undefined): Uint8Array | "none" | undefined {
  const match = /(?:^|,)\s*Negotiate(?:\s+([A-Za-z0-9+/]{0,16384}={0,2}))?\s*(?:,|$)/i.exec(value ?? "");
  if (!match) return "none";
  if (!match[1]) return undefined;
  try {
    return Uint8Array.from(atob(match[1]), (character) => character.charCodeAt(0));
  } catch {
    return "none";
  }
}
