/** What this node is to its neighbours, and how it finds them. */
import { z } from "zod";
import { choice, count, duration, onOff, port, setting } from "../declare.ts";

const MODES = ["disabled", "local", "distributed", "hosted-client", "hosted-server", "auto"] as const;
export type Mode = (typeof MODES)[number];

export const mode = setting(choice(MODES).prefault("disabled"), {
  help:
    "disabled: nothing; local: keeps and rereads, asks nobody; distributed: a peer among peers; hosted-client: uses " +
    "hosted caches; hosted-server: is one; auto: hosted caches where one is found, else peers",
  takes: "live",
  windows: "Enable-BCLocal, Enable-BCDistributed, Enable-BCHostedClient, Enable-BCHostedServer, Disable-BC",
});

export const peer = z
  .strictObject({
    listen_address: setting(z.string().min(1).optional(), {
      help: "Address on which blocks are served; all of this machine unless given",
      takes: "live",
    }),
    listen_port: setting(port().prefault(80), {
      help: "TCP port on which blocks are served; 80 as on Windows, 0 for any free one",
      takes: "live",
      windows: String.raw`DownloadManager\Peers\Connection ListenPort`,
    }),
    interfaces: setting(z.array(z.string().min(1)).prefault([]), {
      help: "Names or addresses of the interfaces on which peers are found; all but loopback when empty",
      takes: "live",
    }),
    serve_on_battery: setting(onOff().prefault(false), {
      help: "Answer peers also while power comes from a battery",
      takes: "live",
      windows: "Enable-BCServeOnBattery, Disable-BCServeOnBattery",
    }),
    max_uploads: setting(count({ max: 16_384 }).prefault(64), {
      help: "Block requests answered at once; what comes on top is refused",
      takes: "live",
      windows: "[MS-PCCRR] upload limit",
    }),
    request_timeout: setting(duration({ minMs: 1, maxMs: 60_000 }).prefault("2s"), {
      help: "How long a peer may take to answer a request",
      takes: "live",
    }),
    max_timeouts: setting(count({ max: 100 }).prefault(3), {
      help: "Requests in a row that may time out before a peer is given up",
      takes: "live",
    }),
    max_peers: setting(count({ max: 16_384 }).prefault(16), {
      help: "Peers used for one download",
      takes: "live",
    }),
    quarantine: setting(duration().prefault("10m"), {
      help: "How long a peer that sent false bytes is left alone",
      takes: "live",
      windows: "event 16",
    }),
    workers: setting(count({ max: 256 }).prefault(1), {
      help: "Processes that serve blocks; 1 is the daemon itself",
      takes: "restart",
    }),
  })
  .prefault({});

export const discovery = z
  .strictObject({
    port: setting(port({ min: 1 }).prefault(3702), {
      help: "UDP port of discovery",
      takes: "live",
    }),
    wait: setting(duration({ maxMs: 60_000 }).prefault("300ms"), {
      help: "How long peers may take to answer a probe",
      takes: "live",
      windows: String.raw`DownloadManager\Discovery DiscoveryDiscoveryDetachTimeout`,
    }),
    backoff: setting(duration({ maxMs: 60_000 }).prefault("65ms"), {
      help: "How long an answer to a probe waits at most, so that not all answer at once",
      takes: "live",
      windows: "DiscoveryManager MinBackoffWindow",
    }),
    max_per_second: setting(count({ max: 10_000 }).prefault(100), {
      help: "Probes sent in a second at most",
      takes: "live",
    }),
    republish_quorum: setting(count({ min: 0 }).prefault(10), {
      help: "Keep silent about a segment that this many others answered for while it was downloaded; 0 for never",
      takes: "live",
      windows: "DiscoveryManager RepubQuorumSize",
    }),
    negative_ttl: setting(duration().prefault("15s"), {
      help: "How long a segment that nobody had is not asked for again; 0s to ask every time",
      takes: "live",
    }),
    address_ttl: setting(duration().prefault("60s"), {
      help: "How long the peers of a segment are remembered without asking again; 0s for not at all",
      takes: "live",
    }),
  })
  .prefault({});
