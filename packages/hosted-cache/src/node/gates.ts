/** Gates: who may offer, by address, by the client's certificate, or by SPNEGO on its connection. [MS-PCHC] 2.1, 5.1 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { errorMessage } from "@branchcache/runtime";
import { negotiateHeader, negotiateToken, type SpnegoAcceptor } from "../spnego.ts";

export type GateVerdict =
  | { readonly kind: "open" }
  /** HTTP 403. */
  | { readonly kind: "refused"; readonly reason: string }
  /**
   * HTTP 401 with this WWW-Authenticate; the connection stays open for the next leg. `reason`: there is none, the
   * proof was bad. RFC 4559
   */
  | { readonly kind: "unauthorized"; readonly challenge: string; readonly reason?: string };

/** Asked for each request; `address` is the client's. */
export type OfferGate = (request: IncomingMessage, address: string) => GateVerdict | Promise<GateVerdict>;

/** The first verdict that is not `open`. */
export function allGates(...gates: readonly OfferGate[]): OfferGate {
  return async (request, address) => {
    for (const gate of gates) {
      const verdict = await gate(request, address);
      if (verdict.kind !== "open") return verdict;
    }
    return { kind: "open" };
  };
}

/** By address alone. */
export function addressGate(isAllowed: (address: string) => boolean): OfferGate {
  return (_request, address) =>
    isAllowed(address) ? { kind: "open" } : { kind: "refused", reason: "address not allowed" };
}

/** A certificate that the server's `ca` vouches for; the server has to ask for it (`requestCert`). */
export const certificateGate: OfferGate = ({ socket }) => {
  if (!(socket instanceof TLSSocket)) return { kind: "refused", reason: "no TLS" };
  if (socket.authorized) return { kind: "open" };
  const error: unknown = socket.authorizationError;
  return {
    kind: "refused",
    reason: error ? `client certificate: ${errorMessage(error)}` : "no client certificate",
  };
};

/**
 * Every connection proves itself once; its later requests pass, as NTLM needs it. `open` makes the acceptor of a
 * new connection. [MS-PCHC] 2.1, RFC 4559
 */
export function negotiateGate(open: () => SpnegoAcceptor): OfferGate {
  const connections = new WeakMap<Socket, SpnegoAcceptor | "accepted">();
  const refused = (socket: Socket, reason: string): GateVerdict => {
    connections.delete(socket);
    return { kind: "unauthorized", challenge: negotiateHeader(), reason };
  };
  return async ({ headers, socket }) => {
    const known = connections.get(socket);
    if (known === "accepted") return { kind: "open" };
    const token = negotiateToken(headers.authorization);
    if (token === "none" || token === undefined) {
      return { kind: "unauthorized", challenge: negotiateHeader() };
    }
    const acceptor = known ?? open();
    connections.set(socket, acceptor);
    try {
      const answer = await acceptor.accept(token);
      if (answer.kind === "continue")
        return { kind: "unauthorized", challenge: negotiateHeader(answer.token) };
      if (answer.kind === "accepted") {
        connections.set(socket, "accepted");
        return { kind: "open" };
      }
      return refused(socket, answer.reason);
    } catch (error) {
      return refused(socket, errorMessage(error));
    }
  };
}
