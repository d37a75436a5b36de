import type { Command } from "commander";
import { discoveryClient } from "../profiles/discovery-client/profile.ts";
import { hostedClient } from "../profiles/hosted-client/profile.ts";
import { httpClient } from "../profiles/http-client/profile.ts";
import { retrievalClient } from "../profiles/retrieval-client/profile.ts";
import { clientProfileCommand } from "./client-profile.ts";

const HOSTED_EXAMPLES = `  A node that offers over HTTP, and for the rest of the checks one that offers over TLS:

  branchcached --set mode=hosted-client --set hosted_client.servers=127.0.0.1 \\
    --set hosted_client.http_port=8080 --set peer.listen_port=8090 &
  branchcache-conformance {profile} --listen 127.0.0.1:8080 --run 'branchcache get {url} -o {output}'

  openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 \\
    -subj /CN=cache -addext subjectAltName=IP:127.0.0.1
  branchcached --set mode=hosted-client --set hosted_client.servers=127.0.0.1 \\
    --set hosted_client.http_port=8080 --set hosted_client.offer_version=1 \\
    --set hosted_client.https_port=8443 --set hosted_client.ca=cert.pem --set peer.listen_port=8090 &
  branchcache-conformance {profile} --listen 127.0.0.1:8080 --tls-listen 127.0.0.1:8443 \\
    --tls-cert cert.pem --tls-key key.pem --run 'branchcache get {url} -o {output}'`;

/** One for each profile in which the kit is the server. */
export function clientCommands(): readonly Command[] {
  return [
    clientProfileCommand(retrievalClient, {
      summary: "whoever takes blocks from peers ([MS-PCCRR])",
      description:
        "Gives the client blocks, as a peer should and as it should not, looks at what the client asks for, " +
        "and holds both against the rules of [MS-PCCRR].",
    }),
    clientProfileCommand(httpClient, {
      summary: "whoever downloads from content servers ([MS-PCCRTP])",
      description:
        "Gives the client content and Content Information, as a content server should and as it should not, " +
        "looks at its requests, and holds both against the rules of [MS-PCCRTP].",
    }),
    clientProfileCommand(discoveryClient, {
      summary: "whoever looks for peers on the link ([MS-PCCRD])",
      description:
        "Answers the client's probes, as a peer should and as it should not, looks at the probes, and holds " +
        "both against the rules of [MS-PCCRD] and WS-Discovery.",
    }),
    clientProfileCommand(hostedClient, {
      summary: "whoever offers to a hosted cache, by offers of either version ([MS-PCHC])",
      description:
        "Takes the client's offers and pulls what they offer, as a hosted cache does, and holds them against " +
        "the rules of [MS-PCHC]. The client has to be told that --listen is its hosted cache, or --tls-listen " +
        "for offers of version 1.0, and has to go on serving while it offers.",
      takesOffers: true,
      examples: HOSTED_EXAMPLES,
    }),
  ];
}
