/** A server of ours with one fault: a proxy in front of it that changes what is asked, or what is answered. */
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type RequestListener,
} from "node:http";
import { createServer as createTlsServer, Agent as TlsAgent, request as tlsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { closeServer } from "@branchcache/peer-node";
import { type Endpoint, errorCode } from "@branchcache/runtime";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
}

export interface Fault {
  /** What reaches the server instead. */
  asked?(asked: Asked): Asked;
  /** What leaves instead; undefined closes the connection. */
  answered?(answered: Answered, asked: Asked): Answered | undefined;
  /** An answer without the server. */
  instead?(asked: Asked, real: (asked: Asked) => Promise<Answered>): Promise<Answered | undefined>;
}

export interface Mutant extends AsyncDisposable {
  readonly server: Endpoint;
}

/** With a certificate both sides of it speak TLS. */
export async function mutantOf(
  real: Endpoint,
  fault: Fault,
  tls?: { readonly cert: string; readonly key: string },
): Promise<Mutant> {
  const agent = tls
    ? new TlsAgent({ keepAlive: true, rejectUnauthorized: false })
    : new Agent({ keepAlive: true });
  const forward = (asked: Asked) => ask(real, agent, asked);
  const listener: RequestListener = async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { method = "", url: path = "", headers } = request;
    const asked: Asked = { method, path, headers, body: Buffer.concat(parts) };
    let answered = fault.instead
      ? await fault.instead(asked, forward).catch(unlessHungUp)
      : await forward(fault.asked?.(asked) ?? asked).catch(unlessHungUp);
    if (!fault.instead && fault.answered && answered) answered = fault.answered(answered, asked);
    if (!answered) {
      response.destroy();
      return;
    }
    const { "content-length": _, "transfer-encoding": __, connection: ___, ...kept } = answered.headers;
    const length = asked.method === "HEAD" ? answered.headers["content-length"] : `${answered.body.length}`;
    const head = { "content-length": length };
    for (const [name, value] of Object.entries({ ...kept, ...head })) {
      if (value !== undefined) response.setHeader(name, value);
    }
    response.writeHead(answered.status);
    response.end(answered.body);
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { address, port } = server.address() as AddressInfo;
  return {
    server: { address, port },
    async [Symbol.asyncDispose]() {
      agent.destroy();
      await closeServer(server, 0);
    },
  };
}

/** Either side may end, or send what is no HTTP, while something is under way; those errors have codes. */
function unlessHungUp(error: unknown): undefined {
  if (errorCode(error) === undefined) throw error;
}

function ask(
  real: Endpoint,
  agent: Agent | TlsAgent,
  { method, path, headers, body }: Asked,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const send = agent instanceof TlsAgent ? tlsRequest : httpRequest;
    const outgoing = send(
      { host: real.address, port: real.port, method, path, headers: present(headers), agent },
      (incoming) => {
        const parts: Buffer[] = [];
        incoming.on("data", (part: Buffer) => parts.push(part));
        incoming.on("error", reject);
        incoming.on("end", () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(parts),
          }),
        );
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** A fault leaves a field out by setting it undefined. */
function present(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
}

/** A copy with some bytes changed. */
export function changed(bytes: Uint8Array, change: (view: DataView, copy: Uint8Array) => void): Uint8Array {
  const copy = Uint8Array.from(bytes);
  change(new DataView(copy.buffer), copy);
  return copy;
}
