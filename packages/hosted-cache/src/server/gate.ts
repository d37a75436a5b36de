/** Who may offer: asked before a message is looked at. */
export type GateVerdict =
  | { readonly kind: "open" }
  /** HTTP 403. */
  | { readonly kind: "refused"; readonly reason: string }
  /**
   * HTTP 401 with this WWW-Authenticate; the connection stays open for the next leg. `reason`: there is none, the
   * proof was bad. RFC 4559
   */
  | { readonly kind: "unauthorized"; readonly challenge: string; readonly reason?: string };

/**
 * The answering side of SPNEGO, of one connection: what an implementation of Kerberos or NTLM brings.
 * [MS-PCHC] 2.1, 5.1
 */
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

/** The asking side of SPNEGO, of one connection to one hosted cache. */
export interface SpnegoInitiator {
  /** The next token; `token` is the server's, absent at first. Undefined: there is nothing more to say. */
  next(token: Uint8Array | undefined): Promise<Uint8Array | undefined>;
}
