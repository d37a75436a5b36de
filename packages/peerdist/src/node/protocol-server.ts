/** The daemon's side: what `serveApi` of the node hands a connection to. */
import type { ApiConnection, ApiConnectionHandler, ApiProtocol } from "@branchcache/peer-node";
import { BranchCacheError, type CancelTimer, type Clock } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import type { ConnectionEvents, ServiceSession } from "../service/calls.ts";
import type { PeerDistService } from "../service/service.ts";
import { type Answer, checkRequest, PEERDIST_PROTOCOL, type Request } from "./protocol.ts";

/** How a connection shows who is behind it. `IdentityProofs` is one way. */
export interface ConnectionProofs {
  /** For one connection and one proof. */
  nonce(): string;
  /** The connection is gone: its nonce proves nothing any more. */
  forget(nonce: string): void;
  /** An identity such as `uid:1000`; undefined where nothing was proved. */
  check(nonce: string): Promise<string | undefined>;
}

/** The service that callers reach, and how they show who they are. */
export interface PeerDistProtocolOptions {
  /** As a function: called for each connection, so that it may be started with the first. */
  readonly service: PeerDistService | (() => Promise<PeerDistService>);
  /** Absent, as on Windows: every connection is an identity of its own. */
  readonly proofs?: ConnectionProofs;
  /** Times how long a connection may take to say who it is. Default the system's. */
  readonly clock?: Clock;
}

/** Who connects and does not say who he is gives his place to others. */
const IDENTIFY_WITHIN_MS = 10_000;
/** Those without identity see nothing of each other, and have one quota together. */
const ANONYMOUS = "anonymous";

/** To be given to `serveApi` as protocol `PEERDIST_PROTOCOL`. */
export function peerDistProtocol(options: PeerDistProtocolOptions): ApiProtocol {
  let anonymous = 0;
  return (connection) => new Caller(connection, options, () => `${ANONYMOUS}:${++anonymous}`);
}

class Caller implements ApiConnectionHandler {
  readonly #connection: ApiConnection;
  readonly #options: PeerDistProtocolOptions;
  readonly #anonymous: () => string;
  readonly #nonce: string | undefined;
  readonly #cancelDeadline: CancelTimer;
  #session: ServiceSession | undefined;
  #closed = false;

  constructor(connection: ApiConnection, options: PeerDistProtocolOptions, anonymous: () => string) {
    this.#connection = connection;
    this.#options = options;
    this.#anonymous = anonymous;
    this.#nonce = options.proofs?.nonce();
    this.#cancelDeadline = (options.clock ?? systemClock).after(IDENTIFY_WITHIN_MS, () => connection.end());
    void this.#send({
      op: "hello",
      protocol: PEERDIST_PROTOCOL,
      ...(this.#nonce === undefined ? {} : { nonce: this.#nonce }),
    });
  }

  message(message: unknown, data?: Uint8Array): void | Promise<void> {
    const request = checkRequest(message, data);
    if (request.op === "identify") return this.#identify(request);
    if (!this.#session) throw new BranchCacheError("BC_API_ORDER", "identify comes first");
    if (request.op !== "call") return this.#close(this.#session);
    const result = this.#session.call(request.call);
    return this.#send({ op: "returned", id: request.id, ...result });
  }

  closed(): void {
    this.#closed = true;
    this.#cancelDeadline();
    if (this.#nonce !== undefined) this.#options.proofs?.forget(this.#nonce);
    void this.#session?.close();
  }

  async #close(session: ServiceSession): Promise<void> {
    await session.close();
    await this.#send({ op: "closed" });
    this.#connection.end();
  }

  async #identify({ proof }: Extract<Request, { op: "identify" }>): Promise<void> {
    if (this.#session) throw new BranchCacheError("BC_API_ORDER", "identify twice");
    const { service: given, proofs } = this.#options;
    const service = typeof given === "function" ? await given() : given;
    const proved = proof && this.#nonce !== undefined ? await proofs?.check(this.#nonce) : undefined;
    if (this.#closed) return;
    this.#cancelDeadline();
    const events: ConnectionEvents = {
      completed: ({ data, release, ...completion }) =>
        data
          ? this.#connection.sendWithData({ op: "completed", ...completion }, data, release)
          : this.#send({ op: "completed", ...completion }),
      status: (report) => {
        void this.#send({ op: "status", report });
      },
      lost: () => this.#connection.end(),
    };
    this.#session = service.open(proved ?? this.#anonymous(), events, proved ?? ANONYMOUS);
    await this.#send({ op: "identified", proved: proved !== undefined });
  }

  #send(answer: Answer): Promise<void> | undefined {
    return this.#connection.send(answer);
  }
}
