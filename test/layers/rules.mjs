// @ts-check
/**
 * Who may import whom. Arrows point down and may skip floors; neighbours do not import each other.
 * Some of the packages named here come later; a package that is not named fails the check.
 */

const carriers = ["content-info", "runtime"];
const protocols = ["retrieval", "hosted-cache", "http-encoding", "cache-store", "discovery"];
const belowPeerNode = [...protocols, ...carriers, "dgram-ws-discovery"];

/** @type {Readonly<Record<string, readonly string[]>>} */
export const mayImport = {
  runtime: [],
  "dgram-ws-discovery": [],
  "content-info": ["runtime"],
  retrieval: carriers,
  "hosted-cache": carriers,
  "http-encoding": carriers,
  "cache-store": carriers,
  discovery: [...carriers, "dgram-ws-discovery"],
  "peer-node": belowPeerNode,
  peerdist: ["peer-node", ...belowPeerNode],
  conformance: ["peer-node", ...belowPeerNode],
  cli: ["peerdist", "peer-node", ...belowPeerNode],
};

/** Sources that run on Node.js alone: whole packages, and what stands behind `./node` and `./lmdb`. */
const nodeSources = "^packages/(?:(?:cli|conformance|peer-node)/src/|[^/]+/src/(?:node|lmdb|redis)(?:[./-]))";
/** Sources behind `./testing` and `./contract`, where `setImmediate` and vitest are at home. */
const testSources = "^packages/[^/]+/src/(?:testing|contract)(?:[./-])";
/** Packages that bring native code, threads or sockets with them. */
const nodePackages = "node_modules/(?:lmdb|piscina|undici|send|pino|iovalkey)/";

/** @param {readonly string[]} packages the packages that are there */
export function ruleSet(packages) {
  const arrows = packages.map((name) => {
    const targets = [name, ...(mayImport[name] ?? [])].join("|");
    return {
      name: `arrows of ${name}`,
      severity: /** @type {const} */ ("error"),
      from: { path: `^packages/${name}/src/` },
      to: { path: "^packages/", pathNot: `^packages/(?:${targets})/src/` },
    };
  });
  /** @type {import("dependency-cruiser").IFlattenedRuleSet["forbidden"]} */
  const forbidden = [
    ...arrows,
    {
      // Of types too: they would load in any order, but a reader could not begin with either file.
      name: "no cycles",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no relative import into another package",
      severity: "error",
      from: { path: "^packages/([^/]+)/" },
      to: { path: "^packages/", pathNot: "^packages/$1/", dependencyTypes: ["local"] },
    },
    {
      name: "tests of the whole and benchmarks use public entries",
      severity: "error",
      from: { path: "^(?:bench|test)/" },
      to: { path: "^packages/", dependencyTypes: ["local"] },
    },
    {
      name: "everything resolves",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "node modules behind ./node only",
      severity: "error",
      from: { path: "^packages/", pathNot: nodeSources },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "Node.js packages behind ./node only",
      severity: "error",
      from: { path: "^packages/", pathNot: nodeSources },
      to: { path: nodePackages, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "no ./node source from outside of it",
      severity: "error",
      from: { path: "^packages/", pathNot: nodeSources },
      to: { path: nodeSources, dependencyTypesNot: ["type-only"] },
    },
    {
      // All that is loaded for `--version`, a wrong option, a completion.
      name: "commands load what they need when they run",
      severity: "error",
      from: { path: "^packages/cli/src/(?:commands/[^/]+/[^/]+-command\\.ts|config/|options/|programs/)" },
      to: { path: "^packages/", pathNot: "^packages/(?:cli|runtime)/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "fakes in tests only",
      severity: "error",
      // The conformance kit is there to play the peer that misbehaves.
      from: { path: "^packages/", pathNot: [testSources, "^packages/conformance/src/stage/"] },
      to: { path: testSources, dependencyTypesNot: ["type-only"] },
    },
  ];
  return forbidden;
}
