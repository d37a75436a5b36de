/** Who may offer to a hosted cache, as far as settings alone can be wrong about it. */

type ClientAuth = "none" | "tls" | "addresses" | "negotiate";

export interface AccessSettings {
  readonly clientAuth: ClientAuth;
  /** PEM file of the authorities whose client certificates are accepted, for `tls`. */
  readonly clientCa: string | undefined;
  /** Ranges from which offers are taken; empty: all. */
  readonly offerFrom: readonly string[];
}

/** Why no client could ever be accepted: the key at fault, and what to set. Undefined where nothing is missing. */
export function accessFault({ clientAuth, clientCa, offerFrom }: AccessSettings): string | undefined {
  switch (clientAuth) {
    case "negotiate":
      return (
        "hosted_server.client_auth: negotiate needs an implementation of Kerberos or NTLM, and none works without " +
        "compiling; a program may give its own to @branchcache/hosted-cache (negotiateGate). Use addresses or tls: " +
        "Windows clients then offer without a proof of identity, since nobody asks them for one"
      );
    case "addresses":
      return offerFrom.length > 0
        ? undefined
        : "hosted_server.offer_from: name ranges, or set hosted_server.client_auth to none";
    case "tls":
      return clientCa !== undefined
        ? undefined
        : "hosted_server.client_ca: name the certificates that vouch for clients, or set hosted_server.client_auth to none";
    case "none":
      return undefined;
  }
}
