/** Numeric addresses and the subnets of interfaces, without any system call. */
import type { Endpoint, InterfaceAddress } from "../ports.ts";

/** An IP address as bytes, to compare it with subnets. */
export interface NumericAddress {
  readonly family: 4 | 6;
  /** 4 or 16, in network order. */
  readonly bytes: Uint8Array;
  /** After the `%`. */
  readonly zone?: string;
}

/** Undefined for host names and anything malformed. */
export function parseAddress(text: string): NumericAddress | undefined {
  if (!text.includes(":")) {
    const bytes = parseIpv4(text);
    return bytes && { family: 4, bytes };
  }
  const percent = text.indexOf("%");
  const zone = percent < 0 ? undefined : text.slice(percent + 1);
  const bytes = parseIpv6(percent < 0 ? text : text.slice(0, percent));
  if (!bytes || zone === "") return undefined;
  return { family: 6, bytes, ...(zone !== undefined && { zone }) };
}

/** True for IPv6 in fe80::/10; IPv4's 169.254.0.0/16 does not count. */
export function isLinkLocal(address: NumericAddress): boolean {
  return address.family === 6 && address.bytes[0] === 0xfe && ((address.bytes[1] ?? 0) & 0xc0) === 0x80;
}

/** True for 127.0.0.0/8 and ::1. */
export function isLoopback(address: NumericAddress): boolean {
  if (address.family === 4) return address.bytes[0] === 127;
  return address.bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
}

/** Whether the address is on the interface address's own subnet; link-local IPv6 must name its zone. */
export function isOnSubnet(address: NumericAddress, own: InterfaceAddress): boolean {
  const ownAddress = parsedOwn(own);
  if (!ownAddress || ownAddress.family !== address.family) return false;
  if (isLinkLocal(address) && address.zone !== (ownAddress.zone ?? own.name)) return false;
  for (let bit = 0; bit < own.prefixLength; bit += 8) {
    const used = Math.min(8, own.prefixLength - bit);
    const mask = (0xff << (8 - used)) & 0xff;
    const differs = (address.bytes[bit / 8] ?? 0) ^ (ownAddress.bytes[bit / 8] ?? 0);
    if ((differs & mask) !== 0) return false;
  }
  return true;
}

const OWN = new WeakMap<InterfaceAddress, NumericAddress | undefined>();

/** Cached, since our few addresses are compared with the source of every datagram. */
function parsedOwn(own: InterfaceAddress): NumericAddress | undefined {
  if (!OWN.has(own)) OWN.set(own, parseAddress(own.address));
  return OWN.get(own);
}

/** The address without its zone, which means nothing to another host. */
export function withoutZone(address: string): string {
  const percent = address.indexOf("%");
  return percent < 0 ? address : address.slice(0, percent);
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address.toLowerCase() === b.address.toLowerCase();
}

function parseIpv4(text: string): Uint8Array | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = match[i + 1]!;
    const value = Number(part);
    if (value > 255 || (part.length > 1 && part.startsWith("0"))) return undefined;
    bytes[i] = value;
  }
  return bytes;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? "", halves.length === 1);
  const tail = groups(halves[1] ?? "", true);
  if (!head || !tail) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

/** The groups between colons as bytes. With `isEnd` the last may be written as an IPv4 address. */
function groups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (part.includes(".") && isEnd && i === parts.length - 1) {
      const ipv4 = parseIpv4(part);
      if (!ipv4) return undefined;
      bytes.push(...ipv4);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      const value = Number.parseInt(part, 16);
      bytes.push(value >> 8, value & 0xff);
    } else return undefined;
  }
  return bytes.length <= 16 ? bytes : undefined;
}
