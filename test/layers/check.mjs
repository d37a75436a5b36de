// @ts-check
/** Holds the arrows between the packages: `node test/layers/check.mjs`. */
import { fileURLToPath } from "node:url";
import { cruisePackages } from "./cruise.mjs";

// A first cut of the packages has more than this; fewer means that sources went unread.
const FEWEST_MODULES = 20;

const root = fileURLToPath(new URL("../..", import.meta.url));
const { packages, modules, dependencies, faults } = await cruisePackages(root);
if (modules < FEWEST_MODULES)
  faults.push(`only ${modules} modules read, at least ${FEWEST_MODULES} expected`);
for (const fault of faults) console.error(fault);
console.log(
  `layers: ${packages} packages, ${modules} modules, ${dependencies} imports, ${faults.length} faults`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
