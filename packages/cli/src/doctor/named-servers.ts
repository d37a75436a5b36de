/** Whether those take connections whom the settings name: hosted caches, and the web server behind a gateway. */
import { connect } from "node:net";
import { errorCode, formatEndpoint } from "@branchcache/runtime";
import type { Settings } from "../config/schema.ts";
import { hostedServerAddress } from "../hosted/from-settings.ts";
import { bad, type Finding, good } from "./finding.ts";

const PATIENCE_MS = 3_000;

interface NamedServer {
  readonly check: "hosted cache" | "origin";
  readonly host: string;
  readonly port: number;
  readonly key: string;
}

/** Opens a connection to each, and closes it again. */
export function checkNamedServers(settings: Settings): Promise<readonly Finding[]> {
  return Promise.all(
    namedServers(settings).map(async ({ check, host, key, port }) => {
      const name = formatEndpoint({ address: host, port });
      const failure = await failureOf(host, port);
      if (failure === undefined) return good(check, `${name} takes connections`);
      return bad(
        check,
        `${name} ${failure}`,
        `see that ${key} names it right, that it runs, and that its firewall lets the port in`,
      );
    }),
  );
}

function namedServers({
  content_server: content,
  hosted_client: client,
  mode,
}: Settings): readonly NamedServer[] {
  const asks = mode === "hosted-client" || mode === "auto";
  const caches = asks ? client.servers.map((text) => hostedServerAddress(text, client.http_port)) : [];
  return [
    ...caches.map(({ host, port }) => ({
      check: "hosted cache" as const,
      host,
      port,
      key: "hosted_client.servers",
    })),
    ...(content.enabled && content.origin !== undefined ? [originOf(content.origin)] : []),
  ];
}

function originOf(origin: string): NamedServer {
  const { hostname, port, protocol } = new URL(origin);
  const usual = protocol === "https:" ? 443 : 80;
  return {
    check: "origin",
    // As the socket wants it: an IPv6 address without its brackets.
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? usual : Number(port),
    key: "content_server.origin",
  };
}

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: "cannot be found: its name does not resolve",
  EAI_AGAIN: "cannot be found: no name server answers",
  ECONNREFUSED: "refuses connections: nothing listens there",
  EHOSTUNREACH: "cannot be reached: the host does not answer",
  ENETUNREACH: "cannot be reached: there is no route",
};

/** Undefined where it takes the connection. */
function failureOf(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const ended = (failure: string | undefined) => {
      socket.destroy();
      resolve(failure);
    };
    socket.setTimeout(PATIENCE_MS, () => ended(`did not answer within ${PATIENCE_MS / 1_000} seconds`));
    socket.once("connect", () => ended(undefined));
    socket.once("error", (error) => {
      const { [errorCode(error) ?? ""]: reason = `cannot be reached: ${error.message}` } = REASONS;
      ended(reason);
    });
  });
}
