/** Hosted caches: those that this node uses, or the one that it is. */
import { z } from "zod";
import { choice, count, onOff, path, port, setting } from "../declare.ts";

export const hostedClient = z
  .strictObject({
    servers: setting(z.array(z.string().min(1)).prefault([]), {
      help: "Names or addresses of hosted caches",
      takes: "live",
      windows: "Enable-BCHostedClient -ServerNames",
    }),
    discover: setting(onOff().prefault(false), {
      help: "Look for hosted caches by DNS where none is named",
      takes: "live",
      windows: "Enable-BCHostedClient -UseSCP",
    }),
    also_peers: setting(onOff().prefault(false), {
      help: "Ask neighbours too, when no hosted cache has the segment or all are busy",
      takes: "live",
    }),
    offer_version: setting(z.union([z.literal(1), z.literal(2)], "must be 1 or 2").prefault(2), {
      help: "Protocol of offers: 2 by HTTP, 1 by HTTPS (Windows Server 2008 R2)",
      takes: "live",
      windows: "Enable-BCHostedClient -UseVersion",
    }),
    http_port: setting(port({ min: 1 }).prefault(80), {
      help: "TCP port of hosted caches for HTTP",
      takes: "live",
      windows: String.raw`HostedCache\Connection HttpConnectPort`,
    }),
    https_port: setting(port({ min: 1 }).prefault(443), {
      help: "TCP port of hosted caches for HTTPS",
      takes: "live",
      windows: String.raw`HostedCache\Connection ConnectPort`,
    }),
    offer_steps: setting(z.array(z.number().gt(0).lte(100)).min(1).prefault([20, 40, 60, 80, 100]), {
      help: "Percentages of a segment at which it is offered",
      takes: "live",
    }),
  })
  .prefault({});

export const hostedServer = z
  .strictObject({
    http_port: setting(port().prefault(80), {
      help: "TCP port for HTTP offers, protocol 2.0",
      takes: "live",
      windows: String.raw`HostedCache\Connection HttpListenPort`,
    }),
    https_port: setting(port().prefault(443), {
      help: "TCP port for HTTPS offers, protocol 1.0",
      takes: "live",
      windows: String.raw`HostedCache\Connection ListenPort`,
    }),
    cert: setting(path().optional(), {
      help: "Certificate chain for HTTPS, PEM; a self-signed one is made unless given",
      takes: "live",
    }),
    key: setting(path().optional(), {
      help: "Private key of the certificate, PEM",
      takes: "live",
    }),
    client_auth: setting(choice(["none", "tls", "addresses", "negotiate"]).prefault("none"), {
      help: "Who may offer: none is everybody; tls: holders of a certificate; addresses: ranges; negotiate: the domain",
      takes: "live",
      windows: "Set-BCAuthentication",
    }),
    max_uploads: setting(count().prefault(1_024), {
      help: "Block requests answered at once",
      takes: "live",
    }),
  })
  .prefault({});
