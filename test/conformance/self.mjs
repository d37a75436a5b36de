// @ts-check
/**
 * Runs the kit against our own node, content server, hosted cache, discovery and clients, on loopback, and writes
 * `docs/conformance.md`: `npx pnpm conformance:self [--check]`. With `--check` nothing is written, and clients, which
 * take minutes and have tests of their own, are left out. Fails if anything does not pass that nothing excuses.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStore } from "@branchcache/cache-store";
import {
  clientTarget,
  contentServer,
  discoveryClient,
  discoveryTarget,
  hostedCache,
  hostedClient,
  httpClient,
  openContentServer,
  openSource,
  openStage,
  retrievalClient,
  retrievalServer,
  runProfile,
  seededRandom,
} from "@branchcache/conformance";
import {
  publishBytes,
  readContentInformation,
  ServerSecret,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine as engine, publishFile } from "@branchcache/content-info/node";
import { memoryPublicationStore, originClient, peerDistDirectory } from "@branchcache/http-encoding/node";
import {
  closeServer,
  createFileSink,
  download,
  startHostedCacheService,
  startPeerNode,
} from "@branchcache/peer-node";
import { systemClock as clock } from "@branchcache/runtime/node";
import { nodeDatagramPort } from "dgram-ws-discovery/node";

const SEED = 1;
const root = join(import.meta.dirname, "..", "..");
/** @param {string} path */
const read = (path) => JSON.parse(readFileSync(join(root, path), "utf8"));
const { version } = read("packages/conformance/package.json");
const random = seededRandom(SEED);
const secretBytes = new TextEncoder().encode("of this server");
const secret = ServerSecret.fromBytes(secretBytes);
const content = random.bytes(3 * 65_536 + 1_001);
/** @type {(() => Promise<unknown>)[]} */
const closing = [];

const { v1 } = publishBytes(content, { engine, versions: [1] });
if (!v1) throw new Error("nothing was published");
const bytes = writeContentInformation(v1, secret, engine);
const information = readContentInformation(bytes, engine);

const free = await nodeDatagramPort.open({ family: 4, address: "127.0.0.1" }, () => {});
await free.close();
const discoveryPort = free.local.port;
const store = createMemoryStore({ limitBytes: 64 * 1024 * 1024, clock });
const node = await startPeerNode({
  store,
  mode: "distributed",
  interfaces: ["127.0.0.1"],
  discovery: { port: discoveryPort },
  listen: { host: "127.0.0.1", port: 0 },
});
closing.push(
  () => store.close(),
  () => node.close(),
);
const reader = await node.open(bytes);
for await (const piece of reader.pieces()) {
  if (piece.kind === "missing") {
    const end = piece.offsetBytes + piece.lengthBytes;
    await reader.add(piece.offsetBytes, content.slice(piece.offsetBytes, end));
  }
}
if (!node.serving) throw new Error("the node serves nobody");

const folder = await mkdtemp(join(tmpdir(), "branchcache-conformance-"));
await writeFile(join(folder, "content.bin"), content);
await writeFile(join(folder, "fresh.bin"), random.bytes(140_000));
const directory = peerDistDirectory({
  root: folder,
  store: memoryPublicationStore(),
  hashFile: (path, signal) => publishFile(path, { versions: [1, 2], signal }),
  secret,
  engine,
  clock,
  settleMs: 0,
});
const web = createServer(directory.handler);
await new Promise((resolve) => web.listen(0, "127.0.0.1", () => resolve(undefined)));
const address = web.address();
const url = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
closing.push(
  () => rm(folder, { recursive: true }),
  () => directory.close(),
  () => closeServer(web, 0),
);

const cacheStore = createMemoryStore({ limitBytes: 64 * 1024 * 1024, clock });
const certificates = read("test/support/certificates.json");
const { cert, key } = certificates.server;
const cache = await startHostedCacheService({
  store: cacheStore,
  http: { host: "127.0.0.1", port: 0 },
  https: { listen: { host: "127.0.0.1", port: 0 }, tls: { cert, key } },
  allowOwnAddresses: true,
});
closing.push(
  () => cacheStore.close(),
  () => cache.close(),
);
const source = await openSource({ random, clock, listen: { host: "127.0.0.1", port: 0 } });
closing.push(async () => source[Symbol.asyncDispose]());

const run = { targetName: "our own", seed: SEED, version, clock };
const reports = [
  await runProfile(
    contentServer,
    await openContentServer(`${url}/content.bin`, {
      random,
      clock,
      secret: secretBytes,
      freshUrl: `${url}/fresh.bin`,
    }),
    run,
  ),
  await runProfile(retrievalServer, { server: node.serving, information, random }, run),
  await runProfile(
    hostedCache,
    {
      server: cache.serving,
      tlsServer: { address: "127.0.0.1", port: cache.servingTls?.port ?? 0, tls: {} },
      source,
      random,
      clock,
    },
    run,
  ),
  await runProfile(
    discoveryTarget,
    {
      server: { address: "127.0.0.1", port: discoveryPort },
      interface: "127.0.0.1",
      segments: information.segments,
      random,
      clock,
    },
    run,
  ),
];
for (const close of closing.reverse()) await close();

/**
 * A client of this implementation on a stage of the kit's: a peer among peers, or a user of the kit as its hosted
 * cache, by offers of that version.
 * @param {0 | 1 | 2} offerVersion
 * @param {(target: import("@branchcache/conformance").ClientTarget) => Promise<import("@branchcache/conformance").Report>} test
 */
async function withClient(offerVersion, test) {
  const files = await mkdtemp(join(tmpdir(), "branchcache-conformance-"));
  const origin = originClient({ clock });
  const stage = await openStage({
    listen: { address: "127.0.0.1", port: 0 },
    discoveryPort: 0,
    clock,
    random: seededRandom(SEED),
    ...(offerVersion === 1 && {
      offers: {
        listen: { address: "127.0.0.1", port: 0 },
        certificate: { cert, key },
        expectsToken: true,
      },
    }),
    async fetch(wanted, signal) {
      const path = join(files, "content");
      await rm(path, { force: true });
      const sink = await createFileSink(path);
      try {
        await download({ url: wanted, origin, branchCache: client, sink, clock, signal });
        await sink.commit();
      } finally {
        await sink[Symbol.asyncDispose]();
      }
      return new Uint8Array(await readFile(path));
    },
  });
  const clientStore = createMemoryStore({ limitBytes: 64 * 1024 * 1024, clock });
  const client = await startPeerNode({
    store: clientStore,
    interfaces: ["127.0.0.1"],
    retrieval: { requestTimeoutMs: 400, maxTimeouts: 1, blockTimeoutMs: 1_000 },
    discovery: { waitMs: 500, port: stage.discoveryPort },
    mode: offerVersion === 0 ? "distributed" : "hosted-client",
    ...(offerVersion !== 0 && {
      listen: { host: "127.0.0.1", port: 0 },
      hostedClient: {
        servers: [{ host: "127.0.0.1", port: stage.endpoint.port, priority: 0 }],
        offerVersion,
        ...(stage.offers && { httpsPort: stage.offers.port }),
        tls: { ca: certificates.ca.cert },
        // Stands for Kerberos or NTLM, of which there is none here: the kit looks at no token.
        spnego: () => ({ next: async () => Uint8Array.of(0x60, 0x00) }),
      },
    }),
  });
  try {
    return await test(clientTarget(stage));
  } finally {
    await client.close();
    await origin.close();
    await clientStore.close();
    await stage[Symbol.asyncDispose]();
    await rm(files, { recursive: true, force: true });
  }
}

if (!process.argv.includes("--check")) {
  for (const profile of [retrievalClient, httpClient, discoveryClient]) {
    reports.push(await withClient(0, (target) => runProfile(profile, target, run)));
  }
  // A client speaks one version of offers: what the one run has nothing to try on, the other has.
  const [second, first] = [
    await withClient(2, (target) => runProfile(hostedClient, target, run)),
    await withClient(1, (target) => runProfile(hostedClient, target, run)),
  ];
  reports.push({
    ...second,
    results: second.results.map((result, i) =>
      result.outcome === "skipped" ? (first.results[i] ?? result) : result,
    ),
  });
}

/** @param {readonly { outcome: string }[]} results @param {string} outcome */
const count = (results, outcome) => results.filter((result) => result.outcome === outcome).length;
/** @param {readonly (string | number)[]} cells */
const row = (cells) => `| ${cells.join(" | ")} |`;

const all = reports.flatMap(({ results }) => results);
const documents = [
  ["PCCRC", "[MS-PCCRC] Content Information"],
  ["PCCRD", "[MS-PCCRD] Discovery"],
  ["PCCRR", "[MS-PCCRR] Retrieval"],
  ["PCCRTP", "[MS-PCCRTP] HTTP extensions"],
  ["PCHC", "[MS-PCHC] Hosted Cache"],
  ["WSD", "WS-Discovery, SOAP over UDP"],
];
const OUTCOMES = ["pass", "fail", "inconclusive", "skipped"];
const date = new Date(clock.wallMs()).toLocaleDateString("en-GB", {
  day: "numeric",
  month: "long",
  year: "numeric",
});
/**
 * The first two keep a server busy on purpose; ours sends no block in the clear, and its hosted cache asks nobody
 * for authorization. All of them have servers of their own in tests.
 */
const EXCUSED = [
  ...["upload-limit", "upload-timer"],
  ...["unencrypted-padding", "authorization-demanded", "authorization-refused"],
];
const open = all.filter(({ id, outcome }) => outcome !== "pass" && !EXCUSED.includes(id));

const page = `# Conformance of this implementation

Of ${date}, version ${version}, by [\`branchcache-conformance\`](../packages/conformance) with seed ${SEED}, on
Node.js ${process.versions.node.split(".")[0]} over loopback. \`npx pnpm conformance:self\` runs it again and writes this page.

What is tested are the roles that answer: a content server of a directory, a node in distributed mode, a
hosted cache with both versions of offers; and those that ask: a node that downloads from peers and origin, and one
that offers to a hosted cache, by either version. Two checks that take all upload slots of a server are skipped
here, and run against servers of their own in \`test/conformance/uploads.slow.test.ts\`; so are, in
the tests of their profiles, the ones of unencrypted blocks and of authorization for a hosted cache, as our node sends
no such block and our cache asks for none. It is our kit against our implementation: where both read a
document wrongly in the same way, this does not show. What each check looks at: \`branchcache-conformance
PROFILE --list\`. That the checks catch what they should is shown by implementations with one fault each,
in \`test/conformance\`.

## By profile and level

| profile | level | checks | passed | failed | inconclusive | skipped |
| --- | --- | --- | --- | --- | --- | --- |
${reports
  .flatMap(({ profile, results }) =>
    ["MUST", "SHOULD"].map((level) => {
      const of = results.filter((result) => result.level === level);
      return row([`\`${profile}\``, level, of.length, ...OUTCOMES.map((outcome) => count(of, outcome))]);
    }),
  )
  .join("\n")}

## By document

Checks that show a rule of the document, and how many rules of it they show; the
[tables of rules](../protocol-specs/README.md) say which. One check may stand for rules of several documents.

| document | checks MUST | checks SHOULD | passed | rules |
| --- | --- | --- | --- | --- |
${documents
  .map(([prefix = "", title = ""]) => {
    const of = all.filter(({ requirements }) => requirements.some((id) => id.startsWith(`${prefix}-`)));
    const rules = new Set(
      of.flatMap(({ requirements }) => requirements).filter((id) => id.startsWith(`${prefix}-`)),
    );
    const must = of.filter(({ level }) => level === "MUST").length;
    return row([title, must, of.length - must, count(of, "pass"), rules.size]);
  })
  .join("\n")}

## What did not pass

${open.length === 0 ? "Nothing." : open.map(({ id, outcome, received }) => `- \`${id}\`: ${outcome}; ${received}`).join("\n")}
`;

if (!process.argv.includes("--check")) writeFileSync(join(root, "docs/conformance.md"), page);
for (const { profile, results } of reports) {
  console.log(`${profile}: ${OUTCOMES.map((outcome) => `${count(results, outcome)} ${outcome}`).join(", ")}`);
}
for (const { id, received, expected } of open)
  console.log(`${id}: received ${received}; expected ${expected}`);
process.exitCode = open.length === 0 ? 0 : 1;
