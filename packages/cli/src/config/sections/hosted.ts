/** Hosted caches: those that this node uses, or the one that it is. */
import { z } from "zod";
import { addressRange, choice, count, onOff, path, port, setting } from "../declare.ts";

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
    ca: setting(path().optional(), {
      help: "Certificates to trust instead of the system's, for HTTPS offers, PEM",
      takes: "live",
    }),
    cert: setting(path().optional(), {
      help: "This client's certificate, for hosted caches that ask for one, PEM",
      takes: "live",
    }),
    key: setting(path().optional(), {
      help: "Private key of this client's certificate, PEM",
      takes: "live",
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
    https: setting(onOff().prefault(true), {
      help: "Take HTTPS offers, protocol 1.0, as Windows 7 makes them",
      takes: "live",
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
    client_ca: setting(path().optional(), {
      help: "Certificates that vouch for clients, for client_auth tls, PEM",
      takes: "live",
    }),
    offer_from: setting(z.array(addressRange()).prefault([]), {
      help: "Address ranges from which offers are taken; all where there are none",
      takes: "live",
    }),
    open_http: setting(onOff().prefault(false), {
      help: "Take HTTP offers, which prove nothing, although client_auth asks for a certificate",
      takes: "live",
    }),
    min_tls: setting(choice(["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]).prefault("TLSv1.2"), {
      help: "Lowest TLS version of HTTPS offers; Windows 7 without updates needs TLSv1",
      takes: "live",
    }),
    ciphers: setting(z.string().min(1).optional(), {
      help: "TLS ciphers of HTTPS offers, as OpenSSL writes them",
      takes: "live",
    }),
    balancers: setting(z.array(addressRange()).prefault([]), {
      help: "Address ranges of balancers whose PROXY header tells the client's address",
      takes: "live",
    }),
    allow_own_addresses: setting(onOff().prefault(false), {
      help: "Pull from loopback and from this machine's own addresses too",
      takes: "live",
    }),
    max_uploads: setting(count().prefault(1_024), {
      help: "Block requests answered at once",
      takes: "live",
    }),
  })
  .prefault({});
