/** Whether the ports that are wanted are free, or ours, and may be opened. */
import { createServer } from "node:net";
import { type ListenAddress, listenError } from "@branchcache/peer-node";
import { errorCode } from "@branchcache/runtime";
import type { Settings } from "../config/schema.ts";
import { bad, type Finding, good } from "./finding.ts";
import { openings } from "./firewall-rules.ts";

export async function checkPorts(settings: Settings, daemonRuns: boolean): Promise<readonly Finding[]> {
  // The daemon that runs reports on its own ports, in `daemonChecks`.
  if (daemonRuns) return [];
  const found: Finding[] = [];
  for (const { protocol, port, what, key } of openings(settings)) {
    if (protocol !== "tcp") continue;
    const code = await tryListening({ port }).then(() => undefined, errorCode);
    if (code === undefined) found.push(good("port", `TCP ${port} (${what}) is free`));
    else if (code === "BC_LISTEN_PORT_IN_USE") {
      found.push(
        bad(
          "port",
          `TCP ${port} (${what}) is taken by another program`,
          `ss -ltnp 'sport = :${port}' says which; or branchcache config set ${key} 1337 on every node`,
        ),
      );
    } else if (code === "BC_LISTEN_NO_PERMISSION") {
      found.push(
        bad(
          "port",
          `no permission to listen on TCP ${port} (${what})`,
          `run branchcached as a service (it gets CAP_NET_BIND_SERVICE), or branchcache config set ${key} 1337 on every node`,
        ),
      );
    } else found.push(bad("port", `cannot listen on TCP ${port} (${what}): ${code}`, `set another ${key}`));
  }
  return found;
}

/** Opens it, and closes it again. Errors: those of `listen`. */
export function tryListening(address: ListenAddress): Promise<void> {
  const { host, port } = address;
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => reject(listenError(address, error)));
    server.listen({ ...(host === undefined ? {} : { host }), port }, () => server.close(() => resolve()));
  });
}
