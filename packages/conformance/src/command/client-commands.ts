import type { Command } from "commander";
import { discoveryClient } from "../profiles/discovery-client/profile.ts";
import { hostedClient } from "../profiles/hosted-client/profile.ts";
import { httpClient } from "../profiles/http-client/profile.ts";
import { retrievalClient } from "../profiles/retrieval-client/profile.ts";
import { clientProfileCommand } from "./client-profile.ts";

/** One for each profile in which the kit is the server. */
export function clientCommands(): readonly Command[] {
  return [
    clientProfileCommand(retrievalClient, {
      summary: "whoever takes blocks from peers ([MS-PCCRR])",
      description:
        "Gives the client blocks, as a peer should and as it should not, looks at what the client asks for,\n" +
        "and holds both against the rules of [MS-PCCRR].",
    }),
    clientProfileCommand(httpClient, {
      summary: "whoever downloads from content servers ([MS-PCCRTP])",
      description:
        "Gives the client content and Content Information, as a content server should and as it should not,\n" +
        "looks at its requests, and holds both against the rules of [MS-PCCRTP].",
    }),
    clientProfileCommand(discoveryClient, {
      summary: "whoever looks for peers on the link ([MS-PCCRD])",
      description:
        "Answers the client's probes, as a peer should and as it should not, looks at the probes, and holds\n" +
        "both against the rules of [MS-PCCRD] and WS-Discovery.",
    }),
    clientProfileCommand(hostedClient, {
      summary: "whoever offers to a hosted cache, by offers of version 2.0 ([MS-PCHC])",
      description:
        "Takes the client's offers and pulls what they offer, as a hosted cache does, and holds them against\n" +
        "the rules of [MS-PCHC]. The client has to be told that --listen is its hosted cache, and has to go on\n" +
        "serving while it offers.",
    }),
  ];
}
