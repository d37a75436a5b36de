/**
 * Proof of identity by SPNEGO: what an implementation of Kerberos or NTLM brings, and the header fields that its tokens
 * travel in. [MS-PCHC] 2.1, 5.1, RFC 4559
 */

/** The answering side, of one connection. */
export interface SpnegoAcceptor {
  /** The client's token; the answer's `token` goes back to it. Rejects where the token is nonsense. */
  accept(
    token: Uint8Array,
  ): Promise<
    | { readonly kind: "continue"; readonly token: Uint8Array }
    | { readonly kind: "accepted"; readonly user: string; readonly token?: Uint8Array }
    | { readonly kind: "refused"; readonly reason: string }
  >;
}

/** The asking side, of one connection to one hosted cache. */
export interface SpnegoInitiator {
  /** The next token; `token` is the server's, absent at first. Undefined: there is nothing more to say. */
  next(token: Uint8Array | undefined): Promise<Uint8Array | undefined>;
}

/** The value of Authorization or WWW-Authenticate: the bare word, or the word and a token. */
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
