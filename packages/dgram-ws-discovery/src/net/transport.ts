/** Sockets: a shared one per family that listens on 3702, and one per link that queries and answers leave from. */
import { WsDiscoveryError } from "../errors.ts";
import { IPV4_GROUP, IPV6_GROUP, MAX_REMEMBERED_SOURCES } from "../limits.ts";
import type { Clock, DatagramPort, DatagramSocket, Endpoint, Random } from "../ports.ts";
import type { Pauses, Task } from "../protocol/pauses.ts";
import { RecentMap } from "../protocol/recent-map.ts";
import { type TransmissionTiming, transmissionDelays } from "../protocol/transmission.ts";
import { isOnSubnet, type NumericAddress, parseAddress } from "./address.ts";
import { chooseLinks, type Link, missingInterfaces } from "./links.ts";

export interface TransportOptions {
  readonly clock: Clock;
  readonly pauses: Pauses;
  readonly random: Random;
  readonly datagrams: DatagramPort;
  readonly interfaces: readonly string[] | undefined;
  readonly families: readonly (4 | 6)[];
  readonly port: number;
  readonly multicastTtl: number;
  /** Milliseconds between looks at the interfaces; 0 for none after the first. */
  readonly refreshMs: number;
  /** `link` is undefined for a source on none of our links. */
  onDatagram(bytes: Uint8Array, from: Endpoint, link: Link | undefined): void;
  /** Told of each fault once, and again only after it had gone. */
  onError(error: WsDiscoveryError): void;
  /** Told of links that were added after the first look at the interfaces. */
  onLinksAdded(added: readonly Link[]): void;
}

export interface TransmitOptions {
  readonly timing: TransmissionTiming;
  readonly signal?: AbortSignal;
  /** Repeats later than this many milliseconds after the first send are left out. */
  readonly lastAfterMs?: number;
}

interface Attachment {
  link: Link;
  readonly socket: DatagramSocket;
  onSent(): void;
  onFault(error: unknown): void;
}

interface Listener {
  /** Keys of the links whose group it joined. */
  readonly joined: string;
  readonly socket: DatagramSocket;
}

/** A datagram and where it goes, to be sent once more at each `run`. */
class Copy implements Task {
  readonly bytes: Uint8Array;
  readonly to: Endpoint;
  readonly link: Link;
  readonly #send: (copy: Copy) => void;

  constructor(send: (copy: Copy) => void, bytes: Uint8Array, to: Endpoint, link: Link) {
    this.#send = send;
    this.bytes = bytes;
    this.to = to;
    this.link = link;
  }

  run(): void {
    this.#send(this);
  }
}

export class Transport {
  readonly #options: TransportOptions;
  readonly #attachments = new Map<string, Attachment>();
  readonly #listeners = new Map<4 | 6, Listener>();
  /** By source; emptied at each look at the interfaces. */
  #linksOfSources = new RecentMap<{ readonly link: Link | undefined }>(MAX_REMEMBERED_SOURCES);
  /** Faults that were reported and last. */
  readonly #faults = new Set<string>();
  #first = true;
  #listening = false;
  #closed = false;
  #work: Promise<void> = Promise.resolve();
  readonly #sendCopy = ({ bytes, to, link }: Copy) => void this.#send(bytes, to, link);
  #cancelRefresh: () => void = () => {};

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** The links that have a socket. */
  get links(): readonly Link[] {
    return [...this.#attachments.values()].map((attachment) => attachment.link);
  }

  /** Opens a socket on each link, and looks at the interfaces again from time to time. */
  async open(): Promise<void> {
    await this.refresh();
    this.#scheduleRefresh();
  }

  /** Binds the discovery port as well, so that requests and announcements arrive. */
  async listen(): Promise<void> {
    this.#listening = true;
    await this.refresh();
  }

  /** Follows interfaces that came, went or changed. */
  refresh(): Promise<void> {
    this.#work = this.#work
      .then(() => this.#applyInterfaces())
      .then(
        () => this.#report("interfaces", false, "list"),
        (error: unknown) => this.#report("interfaces", true, "list", error),
      );
    return this.#work;
  }

  /** Sends on every link, or on some. Resolves after the last repeat, or when aborted. */
  async multicast(
    bytes: Uint8Array,
    options: TransmitOptions & { readonly links?: readonly Link[] },
  ): Promise<void> {
    await Promise.all(
      (options.links ?? this.links).map((link) => {
        const address = link.family === 4 ? IPV4_GROUP : `${IPV6_GROUP}%${link.zone}`;
        return this.transmit(bytes, { address, port: this.#options.port }, link, options);
      }),
    );
  }

  /** Sends from the link's own socket. Resolves after the last repeat, or when aborted. */
  async transmit(bytes: Uint8Array, to: Endpoint, link: Link, options: TransmitOptions): Promise<void> {
    const { timing, signal, lastAfterMs = Number.POSITIVE_INFINITY } = options;
    if (signal?.aborted) return;
    await this.#send(bytes, to, link);
    let afterMs = 0;
    for (const delayMs of transmissionDelays(timing, this.#options.random)) {
      afterMs += delayMs;
      if (afterMs > lastAfterMs || !(await this.#options.pauses.wait(delayMs, signal))) return;
      await this.#send(bytes, to, link);
    }
  }

  /** As `transmit`, but without a promise and a signal, which cost too much for many answers. */
  reply(bytes: Uint8Array, to: Endpoint, link: Link, timing: TransmissionTiming): void {
    const copy = new Copy(this.#sendCopy, bytes, to, link);
    copy.run();
    let afterMs = 0;
    for (const delayMs of transmissionDelays(timing, this.#options.random)) {
      afterMs += delayMs;
      this.#options.pauses.after(afterMs, copy);
    }
  }

  /** The link that an address is on; `first` is tried first. Cached, since the same few sources ask again and again. */
  linkOf(address: string, family: 4 | 6, first?: Link): Link | undefined {
    const key = first ? `${address} ${first.key}` : address;
    const known = this.#linksOfSources.get(key);
    if (known) return known.link;
    const link = this.#findLink(address, family, first);
    this.#linksOfSources.set(key, { link });
    return link;
  }

  #findLink(address: string, family: 4 | 6, first?: Link): Link | undefined {
    const numeric = parseAddress(address);
    if (numeric?.family !== family) return undefined;
    if (first && isOnLink(numeric, first)) return first;
    for (const { link } of this.#attachments.values()) {
      if (link.family === family && isOnLink(numeric, link)) return link;
    }
    return undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRefresh();
    await this.#work;
    const sockets = [...this.#attachments.values(), ...this.#listeners.values()];
    this.#attachments.clear();
    this.#listeners.clear();
    await Promise.all(sockets.map(({ socket }) => socket.close()));
  }

  #scheduleRefresh(): void {
    const { clock, refreshMs } = this.#options;
    if (refreshMs <= 0 || this.#closed) return;
    this.#cancelRefresh = clock.after(refreshMs, () => {
      void this.refresh().then(() => this.#scheduleRefresh());
    });
  }

  async #applyInterfaces(): Promise<void> {
    if (this.#closed) return;
    const { datagrams, interfaces, families } = this.#options;
    const addresses = datagrams.interfaces();
    const missing = missingInterfaces(addresses, interfaces);
    for (const name of interfaces ?? []) this.#report(`missing ${name}`, missing.includes(name), name);
    const links = chooseLinks(addresses, interfaces, families);
    await this.#dropGoneLinks(links);
    const added: Link[] = [];
    for (const link of links) if (await this.#attach(link)) added.push(link);
    this.#linksOfSources = new RecentMap(MAX_REMEMBERED_SOURCES);
    if (this.#listening) {
      for (const family of families) {
        await this.#listenOn(
          family,
          links.filter((link) => link.family === family),
        );
      }
    }
    if (!this.#first && added.length > 0) this.#options.onLinksAdded(added);
    this.#first = false;
  }

  async #dropGoneLinks(links: readonly Link[]): Promise<void> {
    const present = new Set(links.map((link) => link.key));
    for (const [key, attachment] of this.#attachments) {
      if (present.has(key)) continue;
      this.#attachments.delete(key);
      await attachment.socket.close();
    }
  }

  /** True if the link is new. */
  async #attach(link: Link): Promise<boolean> {
    const known = this.#attachments.get(link.key);
    if (known) {
      known.link = link;
      return false;
    }
    const { datagrams, multicastTtl } = this.#options;
    try {
      const socket = await datagrams.open(
        { family: link.family, multicastInterface: link.socketName, multicastTtl },
        (bytes, from) => this.#deliver(bytes, from, link.family, this.#attachments.get(link.key)?.link),
      );
      this.#attachments.set(link.key, { link, socket, ...this.#sendOutcomes(link) });
      this.#report(`open ${link.key}`, false, link.name);
      return true;
    } catch (error) {
      this.#report(`open ${link.key}`, true, link.name, error);
      return false;
    }
  }

  /**
   * Opens the new socket before the old one closes, so that nothing is missed in between. A link that could not
   * be joined is tried again each time.
   */
  async #listenOn(family: 4 | 6, links: readonly Link[]): Promise<void> {
    const current = this.#listeners.get(family);
    if (current?.joined === joinedText(links)) return;
    const next = await this.#openListener(family, links);
    if (current && next?.joined === current.joined) {
      await next.socket.close();
      return;
    }
    if (next) this.#listeners.set(family, next);
    else if (links.length === 0) this.#listeners.delete(family);
    else return;
    await current?.socket.close();
  }

  /** If one join fails, the whole socket does: then each link is tried alone, and those that fail are left out. */
  async #openListener(family: 4 | 6, links: readonly Link[]): Promise<Listener | undefined> {
    if (links.length === 0) return undefined;
    const open = async (joined: readonly Link[]): Promise<Listener> => ({
      joined: joinedText(joined),
      socket: await this.#options.datagrams.open(
        {
          family,
          port: this.#options.port,
          shared: true,
          join: joined.map((link) => ({
            group: family === 4 ? IPV4_GROUP : IPV6_GROUP,
            interface: link.socketName,
          })),
        },
        (bytes, from) => this.#deliver(bytes, from, family),
      ),
    });
    const all = await open(links).catch(() => undefined);
    if (all) {
      for (const link of links) this.#report(`join ${link.key}`, false, link.name);
      return all;
    }
    const usable: Link[] = [];
    for (const link of links) {
      try {
        await (await open([link])).socket.close();
        usable.push(link);
        this.#report(`join ${link.key}`, false, link.name);
      } catch (error) {
        this.#report(`join ${link.key}`, true, link.name, error);
      }
    }
    return usable.length === 0 ? undefined : open(usable).catch(() => undefined);
  }

  #deliver(bytes: Uint8Array, from: Endpoint, family: 4 | 6, first?: Link): void {
    if (!this.#closed) this.#options.onDatagram(bytes, from, this.linkOf(from.address, family, first));
  }

  #send(bytes: Uint8Array, to: Endpoint, link: Link): Promise<void> {
    const attachment = this.#attachments.get(link.key);
    return attachment
      ? attachment.socket.send(bytes, to).then(attachment.onSent, attachment.onFault)
      : Promise.resolve();
  }

  /** Callbacks for the outcome of a send; made once for each link, not for each datagram. */
  #sendOutcomes({ key, name }: Link): Pick<Attachment, "onSent" | "onFault"> {
    const fault = `send ${key}`;
    return {
      onSent: () => {
        if (this.#faults.size > 0) this.#report(fault, false, name);
      },
      onFault: (error) => {
        if (!this.#closed) this.#report(fault, true, name, error);
      },
    };
  }

  #report(fault: string, isThere: boolean, name: string, cause?: unknown): void {
    if (!isThere) this.#faults.delete(fault);
    else if (!this.#faults.has(fault)) {
      this.#faults.add(fault);
      const reason = cause instanceof Error ? cause.message : "there is no such interface";
      this.#options.onError(new WsDiscoveryError("WSD_INTERFACE", `interface ${name}: ${reason}`, { cause }));
    }
  }
}

function isOnLink(address: NumericAddress, link: Link): boolean {
  return link.addresses.some((own) => isOnSubnet(address, own));
}

function joinedText(links: readonly Link[]): string {
  return links.map((link) => link.key).join(", ");
}
