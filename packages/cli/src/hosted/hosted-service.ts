/** The daemon as a hosted cache, from plain options: certificate, access, balancers. */
import { createSecureContext } from "node:tls";
import { addressGate, allGates, certificateGate, type OfferGate } from "@branchcache/hosted-cache/node";
import {
  type HostedCacheService,
  type HostedTls,
  type ListenAddress,
  startHostedCacheService,
} from "@branchcache/peer-node";
import { BranchCacheError, errorMessage, formatEndpoint, type Observer } from "@branchcache/runtime";
import { addressRanges, systemClock } from "@branchcache/runtime/node";
import { SettingError } from "../config/setting-error.ts";
import type { DaemonStore } from "../daemon/daemon-store.ts";
import { readCertificates } from "../files/pem-files.ts";
import { type AccessSettings, accessFault } from "./access.ts";
import {
  type CertificateFiles,
  ensureCertificate,
  readCertificate,
  watchCertificate,
} from "./certificate.ts";

export interface HostedDaemonOptions extends AccessSettings {
  readonly store: DaemonStore;
  readonly observer: Observer;
  readonly http: ListenAddress;
  /** Undefined: no HTTPS port, and so no offers of version 1.0. */
  readonly https: ListenAddress | undefined;
  /** From an administrator; else one is made in `ownCertificate`. */
  readonly certificate: CertificateFiles | undefined;
  readonly ownCertificate: CertificateFiles;
  readonly minTls: NonNullable<HostedTls["minVersion"]>;
  readonly ciphers: string | undefined;
  /** Take HTTP offers, which prove nothing, where `clientAuth` asks for a proof. */
  readonly openHttp: boolean;
  readonly balancers: readonly string[];
  readonly allowOwnAddresses: boolean;
  readonly maxUploads: number;
}

/** Errors: `BC_CONFIG` for access that cannot be had, `BC_TLS_CERTIFICATE`, `BC_TLS_CIPHERS`, and those of listening. */
export async function startHostedDaemon(options: HostedDaemonOptions): Promise<HostedCacheService> {
  const { balancers, certificate, clientAuth, http, https, observer, ownCertificate, store } = options;
  const gates = gatesOf(options);
  const files = certificate ?? ownCertificate;
  const tls = async (): Promise<HostedTls> => ({
    ...(certificate ? await readCertificate(files) : await ensureCertificate(files)),
    ...(await tlsLimits(options)),
  });
  let httpsOptions: { readonly listen: ListenAddress; readonly tls: HostedTls } | undefined;
  if (https) {
    const found = certificate ? undefined : await ensureCertificate(files);
    if (found?.made) {
      observer.event("warn", "hosted.no_certificate", {
        made: files.cert,
        cure: "clients must trust it: branchcache hosted trust",
      });
    }
    httpsOptions = { listen: https, tls: await tls() };
  }
  const service = await startHostedCacheService({
    store,
    observer,
    http,
    ...(httpsOptions ? { https: httpsOptions } : {}),
    ...gates,
    ...(balancers.length > 0 ? { balancers: addressRanges(balancers) } : {}),
    allowOwnAddresses: options.allowOwnAddresses,
    maxUploads: options.maxUploads,
  });
  if (clientAuth !== "none" && clientAuth !== "addresses" && !options.openHttp) {
    observer.event("info", "offer.refused", {
      reason: "HTTP offers prove nothing and are refused; hosted_server.open_http takes them",
    });
  }
  const watch =
    https &&
    (await watchCertificate(files, systemClock, async () => {
      try {
        service.useCertificate(await tls());
        observer.event("info", "hosted.certificate_loaded", { file: files.cert });
      } catch (error) {
        observer.event("error", "hosted.no_certificate", { file: files.cert, reason: errorMessage(error) });
      }
    }));
  observer.event("info", "hosted.serving", {
    http: formatEndpoint(service.serving),
    https: service.servingTls && formatEndpoint(service.servingTls),
    client_auth: clientAuth,
  });
  return {
    ...service,
    async close(graceMs) {
      watch?.stop();
      await service.close(graceMs);
    },
  };
}

function gatesOf(options: HostedDaemonOptions): {
  readonly httpGate?: OfferGate;
  readonly httpsGate?: OfferGate;
} {
  const { clientAuth, offerFrom, openHttp } = options;
  const fault = accessFault(options);
  if (fault !== undefined) throw new BranchCacheError("BC_CONFIG", fault);
  const byAddress = offerFrom.length > 0 ? [addressGate(addressRanges(offerFrom))] : [];
  if (clientAuth !== "tls") {
    const [gate] = byAddress;
    return gate ? { httpGate: gate, httpsGate: gate } : {};
  }
  const closed: OfferGate = () => ({ kind: "refused", reason: "HTTP offers are off: no proof of identity" });
  return {
    httpGate: openHttp ? allGates(...byAddress) : closed,
    httpsGate: allGates(...byAddress, certificateGate),
  };
}

async function tlsLimits(options: HostedDaemonOptions): Promise<HostedTls> {
  const { ciphers, clientAuth, clientCa, minTls } = options;
  // OpenSSL 3 refuses the signatures of TLS 1.0 and 1.1 at its default security level.
  const old = minTls === "TLSv1" || minTls === "TLSv1.1";
  const used = ciphers ?? (old ? "DEFAULT@SECLEVEL=0" : undefined);
  checkCiphers(used, minTls);
  const ca =
    clientAuth === "tls" && clientCa !== undefined
      ? await readCertificates({ setting: "hosted_server.client_ca", path: clientCa })
      : undefined;
  return {
    minVersion: minTls,
    ...(used === undefined ? {} : { ciphers: used }),
    ...(ca === undefined ? {} : { ca, requestCert: true }),
  };
}

/** Errors: `BC_TLS_CIPHERS`. */
export function checkCiphers(ciphers: string | undefined, minVersion: HostedTls["minVersion"]): void {
  try {
    createSecureContext({ minVersion, ...(ciphers === undefined ? {} : { ciphers }) });
  } catch (cause) {
    throw new SettingError("BC_TLS_CIPHERS", {
      setting: "hosted_server.ciphers",
      fault: `OpenSSL does not take ${ciphers} (${errorMessage(cause)})`,
      cure: "`openssl ciphers` lists those that it knows",
      cause,
    });
  }
}
