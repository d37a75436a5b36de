/**
 * The network as two small ports, which whoever sends or listens takes as arguments. `simulatedLan` and `memoryHttp` of
 * `./testing` are the fakes; the real ones are `nodeDatagramPort` of `dgram-ws-discovery/node` and `nodeHttpPort` of
 * `@branchcache/retrieval/node`.
 */

/** One end of UDP or TCP traffic: IP address and port. */
export interface Endpoint {
  /** A numeric address; link-local IPv6 with its zone (`fe80::1%eth0`). */
  readonly address: string;
  readonly port: number;
}

/** `192.0.2.1:80` or `[2001:db8::1]:80`. */
export function formatEndpoint(endpoint: Endpoint): string {
  return endpoint.address.includes(":")
    ? `[${endpoint.address}]:${endpoint.port}`
    : `${endpoint.address}:${endpoint.port}`;
}

/** The reverse of `formatEndpoint`; undefined for anything else. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([^\]\s]+)\]|([^:\s[\]]+)):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const port = Number(match[3]);
  if (port < 1 || port > 65_535 || match[1]?.includes(":") === false) return undefined;
  return { address: match[1] ?? match[2] ?? "", port };
}

/** An IPv6 address without its zone (`fe80::1` of `fe80::1%eth0`), which means nothing to another host. */
export function withoutZone(address: string): string {
  const percent = address.indexOf("%");
  return percent < 0 ? address : address.slice(0, percent);
}

/** An IPv4 address without what a dual-stack socket puts in front of it; every other address as it is. */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}

/** One address of one network interface, as `os.networkInterfaces()` tells them. */
export interface InterfaceAddress {
  /** Such as `eth0`. */
  readonly name: string;
  /** Numeric; link-local IPv6 with its zone. */
  readonly address: string;
  readonly family: 4 | 6;
  /** Bits of the network part: 24 for 255.255.255.0. */
  readonly prefixLength: number;
  /** True for loopback. */
  readonly internal: boolean;
}

/** What a UDP socket is bound to, and which multicast it takes and sends. */
export interface UdpOpenOptions {
  /** Of the socket and its addresses: IPv4 or IPv6. */
  readonly family: 4 | 6;
  /** 0, the default, for any free port. */
  readonly port?: number;
  /** The local address to bind; all of them by default. */
  readonly address?: string;
  /** Share the port with other sockets that do the same. Default false. */
  readonly shared?: boolean;
  /** Groups to join, each on the interface that has this address (or zone, for IPv6). */
  readonly join?: readonly { readonly group: string; readonly interface: string }[];
  /** The interface that multicast leaves from: its address (or zone, for IPv6). */
  readonly multicastInterface?: string;
  /** Time to live of multicast. Default 1. */
  readonly multicastTtl?: number;
}

/** An open UDP socket; what comes in goes to the `DatagramHandler` that it was opened with. */
export interface UdpSocket {
  /** What it is bound to; the port that was picked, where 0 was asked for. */
  readonly local: Endpoint;
  /** Rejects when the datagram could not be handed to the system. The bytes may be reused afterwards. */
  send(bytes: Uint8Array, to: Endpoint): Promise<void>;
  /** May be called again. */
  close(): Promise<void>;
}

/** Called for each datagram; the bytes are its own from then on. Must not throw. */
export type DatagramHandler = (bytes: Uint8Array, from: Endpoint) => void;

/** The host's UDP. */
export interface UdpPort {
  /** The addresses that this host has now. */
  interfaces(): readonly InterfaceAddress[];
  /**
   * Resolves once the socket is bound and in its groups. Rejects with the system's error, such as `EADDRINUSE`.
   */
  open(options: UdpOpenOptions, onDatagram: DatagramHandler): Promise<UdpSocket>;
}

/** Limits of one request, and whose its answer's memory is. */
export interface HttpPostOptions {
  /** Ends the request, and with it the connection. */
  readonly signal?: AbortSignal;
  /** The largest body that is read; a longer one fails with `BC_HTTP_TOO_LARGE` before it is gathered. */
  readonly maxBodyBytes: number;
  /** The body is the caller's for good, at the price of a buffer that is not used again. Default false. */
  readonly keepBody?: boolean;
}

/** A whole answer, of any status: an HTTP error is no rejection. */
export interface HttpPostResponse {
  readonly status: number;
  /**
   * Unless it was to be kept, a view of the connection's own buffer: valid until the microtasks of the turn
   * in which the promise settles have run. Copy what must outlive that.
   */
  readonly body: Uint8Array;
}

/**
 * One connection to one server. Requests that overlap are sent on it one after another without
 * waiting, and answered in order (pipelining), so a caller that wants no such thing waits itself.
 * A request that fails or is aborted closes the connection: nobody could tell its late answer from the
 * next one. Whatever is asked afterwards fails.
 * Errors: `BC_HTTP_CONNECT`, `BC_HTTP_CLOSED`, `BC_HTTP_MALFORMED`, `BC_HTTP_TOO_LARGE`.
 */
export interface HttpConnection {
  /** Nothing can be asked on it any more. */
  readonly closed: boolean;
  /**
   * Posts `body` to `path` of this server. Rejects with `signal.reason` when aborted, else with an error of the
   * codes above.
   */
  post(path: string, body: Uint8Array, options: HttpPostOptions): Promise<HttpPostResponse>;
  /** Requests under way fail with `BC_HTTP_CLOSED`. Twice is harmless. */
  close(): void;
}

/** Plain HTTP/1.1 to peers: no proxy, no redirect, no content coding, no TLS. */
export interface HttpPort {
  /** Connects when the first request is made. */
  connect(server: Endpoint): HttpConnection;
}
