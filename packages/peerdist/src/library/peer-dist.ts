/** The functions of PeerDist.lib, over one transport. */
import { clientFunctions } from "./client-functions.ts";
import { commonFunctions } from "./common-functions.ts";
import type { PeerDistFunctions } from "./functions.ts";
import type { PeerDistOptions } from "./instance.ts";
import { createLibrary } from "./library.ts";
import { serverFunctions } from "./server-functions.ts";

/** Over a service in this process or behind a socket, as `options` say. */
export function createPeerDist(options: PeerDistOptions): PeerDistFunctions {
  const library = createLibrary(options);
  return { ...commonFunctions(library), ...serverFunctions(library), ...clientFunctions(library) };
}
