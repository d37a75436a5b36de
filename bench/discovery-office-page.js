// @ts-check
/**
 * The page and the picture of `packages/discovery/docs`, from the figures of `discovery-office.js`:
 * `node bench/discovery-office.js | node bench/discovery-office-page.js`.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const THOUSAND = 1_000;
const folder = new URL("../packages/discovery/docs/", import.meta.url);

/**
 * @typedef {{ version: 1 | 2, peers: number, clients: number, mib: number, segments: number, silence: boolean,
 *   loss: number, datagrams: number, bytes: number, firstMs: number, lastMs: number, missing: number }} Row
 */

/** @param {number} mib */
const size = (mib) => (mib >= 1_024 ? `${mib / 1_024} GiB` : `${mib} MiB`);
/** @param {number} bytes */
const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0);
/** @param {number} count */
const whole = (count) => count.toLocaleString("en-US");

/** @param {readonly Row[]} rows */
function page(rows) {
  const table = rows.map((row) =>
    [
      `V${row.version}`,
      whole(row.peers),
      String(row.clients),
      size(row.mib),
      whole(row.segments),
      row.silence ? "on" : "off",
      `${row.loss * 100} %`,
      whole(row.datagrams),
      megabytes(row.bytes),
      String(row.firstMs),
      String(row.lastMs),
      String(row.missing),
    ].join(" | "),
  );
  const computed = rows
    .filter((row) => row.clients === 1 && row.mib === 1_024 && row.loss === 0)
    .map((row) =>
      [
        `V${row.version}`,
        whole(row.peers),
        row.silence ? "on" : "off",
        whole(50 * row.datagrams),
        megabytes(50 * row.bytes),
      ].join(" | "),
    );
  const simulated = rows.filter((row) => row.version === 2 && row.peers === THOUSAND && row.loss === 0);
  const large = [
    { clients: 50, mib: 32 },
    { clients: 1, mib: 1_024 },
    { clients: 50, mib: 1_024 },
  ].flatMap(({ clients, mib }) =>
    [true, false].flatMap((silence) => {
      const alike = simulated.filter((row) => row.silence === silence);
      const [base] = alike;
      if (!base || alike.some((row) => row.clients === clients && row.mib === mib)) return [];
      const times = (clients * mib) / (base.clients * base.mib);
      return [
        [
          String(clients),
          size(mib),
          silence ? "on" : "off",
          whole(Math.round(times * base.datagrams)),
          megabytes(times * base.bytes),
        ].join(" | "),
      ];
    }),
  );
  return `# What asking costs

Written by \`node bench/discovery-office.js | node bench/discovery-office-page.js\`. One simulated link, seeded, one millisecond from host to host; every peer has the whole file. Each peer got it by looking for it first, so that with silence on it is the rule of the product that keeps the later ones silent. A multicast counts once; bytes include the headers of Ethernet, IP and UDP. Times are from asking to the first and the last segment found by anybody who asked.

![Datagrams on the link, with silence and without](office.svg)

| format | peers | clients | file | segments | silence | loss | datagrams | MB | first, ms | last, ms | not found |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
${table.map((line) => `| ${line} |`).join("\n")}

Fifty clients that ask for 1 GiB at once, computed from the counts above: each asks for itself, and what the peers answer does not depend on the others.

| format | peers | silence | datagrams | MB |
| --- | --- | --- | --- | --- |
${computed.map((line) => `| ${line} |`).join("\n")}

V2 with a thousand peers where it was not simulated, computed from the counts above of those that were: each probe is asked and answered for itself.

| clients | file | silence | datagrams | MB |
| --- | --- | --- | --- | --- |
${large.map((line) => `| ${line} |`).join("\n")}

With silence the number of peers does not matter: about ten answer, and their answers are what is on the link. Without, it grows with the probes times the peers that hold the segments, and with nothing else: the simulation fails if there is one datagram more than three copies of each probe and two of each holder's answer, and \`test/growth.test.ts\` holds it in small.
`;
}

/** Bars on a logarithmic scale. @param {readonly Row[]} rows */
function picture(rows) {
  const left = 190;
  const width = 420;
  const decades = Math.ceil(Math.log10(Math.max(...rows.map((row) => row.datagrams))));
  /** @param {number} count */
  const x = (count) => left + (width * Math.log10(Math.max(count, 1))) / decades;
  const lines = Array.from({ length: decades + 1 }, (_, n) => {
    const at = x(10 ** n);
    return `<line x1="${at}" y1="20" x2="${at}" y2="${24 + rows.length * 18}" stroke="#ccc"/><text x="${at}" y="14" text-anchor="middle">${whole(10 ** n)}</text>`;
  });
  const bars = rows.map((row, n) => {
    const y = 26 + n * 18;
    const name = `V${row.version}, ${whole(row.peers)} peers, ${row.clients} x ${size(row.mib)}`;
    return `<text x="${left - 6}" y="${y + 10}" text-anchor="end">${name}</text><rect x="${left}" y="${y}" width="${(x(row.datagrams) - left).toFixed(1)}" height="13" fill="${row.silence ? "#2a7a4f" : "#c0622d"}"/><text x="${(x(row.datagrams) + 4).toFixed(1)}" y="${y + 10}">${whole(row.datagrams)}</text>`;
  });
  const height = 30 + rows.length * 18;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="700" height="${height + 16}" font-family="sans-serif" font-size="11">
<title>Datagrams on the link: green with silence, orange without</title>
<rect width="100%" height="100%" fill="#fff"/>
${[...lines, ...bars].join("\n")}
<text x="${left}" y="${height + 10}">datagrams on the link; green: silence on, orange: off</text>
</svg>
`;
}

const rows = readFileSync(0, "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => /** @type {Row} */ (JSON.parse(line)));
mkdirSync(folder, { recursive: true });
writeFileSync(new URL("office.svg", folder), picture(rows.filter((row) => row.loss === 0)));
writeFileSync(new URL("office.md", folder), page(rows));
