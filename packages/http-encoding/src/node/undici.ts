/**
 * undici when it is first wanted: it takes 20 MB of memory and a sixth of a second, and a node that only keeps and
 * serves blocks asks no origin.
 */
import { createRequire } from "node:module";

let loaded: typeof import("undici") | undefined;

export function undici(): typeof import("undici") {
  loaded ??= createRequire(import.meta.url)("undici") as typeof import("undici");
  return loaded;
}
