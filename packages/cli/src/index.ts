/** The package is its two commands; this is their version. */
export { version } from "./version.ts";
