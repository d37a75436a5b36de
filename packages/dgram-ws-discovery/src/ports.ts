/** What this package needs from outside: time, randomness, datagrams. `./node` has the real ones. */

/** The time, and calls later on. `systemClock` of `./node` is the real one. */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC. */
  wallMs(): number;
  /** Milliseconds since some fixed moment; never goes back. */
  monotonicMs(): number;
  /** Calls `fn` once, unless cancelled first by the function returned. */
  after(ms: number, fn: () => void): () => void;
}

/** Where message identifiers and random delays come from. */
export interface Random {
  /** `length` fresh bytes, owned by the caller. */
  bytes(length: number): Uint8Array;
}

/** One end of UDP traffic: IP address and port. */
export interface Endpoint {
  /** A numeric address; link-local IPv6 with its zone (`fe80::1%eth0`). */
  readonly address: string;
  readonly port: number;
}

/** One address of one network interface. */
export interface InterfaceAddress {
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
export interface DatagramOpenOptions {
  readonly family: 4 | 6;
  /** 0, the default, for any free port. */
  readonly port?: number;
  /** The local address to bind; all of them by default. */
  readonly address?: string;
  /** Share the port with other sockets that do the same. Default false. */
  readonly shared?: boolean;
  /** Groups to join, each on the interface with this IPv4 address, or this zone (`::%eth0`) for IPv6. */
  readonly join?: readonly { readonly group: string; readonly interface: string }[];
  /** The interface that multicast leaves from, named in the same way. */
  readonly multicastInterface?: string;
  /** Time to live, or hop limit, of multicast. Default 1. */
  readonly multicastTtl?: number;
}

/** An open UDP socket; what comes in goes to the `DatagramHandler` that it was opened with. */
export interface DatagramSocket {
  readonly local: Endpoint;
  /** Rejects when the datagram could not be handed to the system. The bytes may be reused afterwards. */
  send(bytes: Uint8Array, to: Endpoint): Promise<void>;
  /** Twice is harmless. */
  close(): Promise<void>;
}

/** Called for each datagram; the bytes belong to the callee. Must not throw. */
export type DatagramHandler = (bytes: Uint8Array, from: Endpoint) => void;

/** The host's UDP: `nodeDatagramPort` of `./node` is the real one. */
export interface DatagramPort {
  /** The addresses that this host has now. */
  interfaces(): readonly InterfaceAddress[];
  /** Resolves once the socket is bound and in its groups. Rejects with the system's error, such as `EADDRINUSE`. */
  open(options: DatagramOpenOptions, onDatagram: DatagramHandler): Promise<DatagramSocket>;
}
