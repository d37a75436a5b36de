/** Values of options as people write them, for commander. */
import type { ListenAddress } from "@branchcache/peer-node";
import { InvalidArgumentError } from "commander";

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

/** Reads `64KiB`, `10 GB`, `4G` (binary) or plain bytes. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim());
  const unit = SIZE_UNITS[match?.[2]?.toUpperCase() ?? "?"];
  if (!match || unit === undefined) throw new InvalidArgumentError("Not a size such as 64KiB, 10GB or 4096.");
  return Math.round(Number(match[1]) * unit);
}

const TIME_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Reads `300ms`, `2s`, `10m`, `28d`; gives milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text.trim());
  const unit = TIME_UNITS[match?.[2] ?? "?"];
  if (!match || unit === undefined) throw new InvalidArgumentError("Not a time such as 300ms, 2s or 28d.");
  return Math.round(Number(match[1]) * unit);
}

/** Reads `8080`, `127.0.0.1:8080`, `[::1]:8080`, `localhost:0`. */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    throw new InvalidArgumentError("Not a port or address such as 8080, 127.0.0.1:8080 or [::1]:8080.");
  }
  const host = match[1] ?? match[2];
  return host === undefined ? { port } : { host, port };
}

/** An address that a person can click, where the server listens on all. */
export function shownHost(address: string): string {
  return address === "::" || address === "0.0.0.0" ? "localhost" : address;
}

/** Reads a UDP or TCP port. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError("Not a port from 0 to 65535.");
  return port;
}

/** Reads a whole number from 1. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || !Number.isSafeInteger(count)) {
    throw new InvalidArgumentError("Not a whole number from 1.");
  }
  return count;
}

/** Reads an http or https URL without user, query and fragment. */
export function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isWeb = url?.protocol === "http:" || url?.protocol === "https:";
  if (!url || !isWeb || `${url.username}${url.password}${url.search}${url.hash}` !== "") {
    throw new InvalidArgumentError("Not an http or https URL without user and query.");
  }
  return url.href;
}

/** Gathers an option that may be given several times. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

/** Gathers `name: value` into one object. */
export function parseHeader(
  value: string,
  previous: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(value);
  if (!match?.[1]) throw new InvalidArgumentError("Not a header such as 'Authorization: Bearer ...'.");
  return { ...previous, [match[1]]: match[2] ?? "" };
}
