/** Content of either version, offered by either version and under any cipher: the second client gets it from the cache. */
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import certificates from "../support/certificates.json" with { type: "json" };
import { contentServer } from "../support/content-server.ts";
import { hostedOffice } from "../support/hosted-office.ts";
import { inLane } from "../support/slow.ts";

const SIZE = 1_500_000;
const tls = { cert: certificates.server.cert, key: certificates.server.key };
const https = { listen: { host: "127.0.0.1", port: 0 }, tls };

const versions = [
  { content: 2, offers: 2 },
  { content: 1, offers: 2 },
  { content: 1, offers: 1 },
] as const;
const ways = versions.flatMap((pair, row) =>
  ([1, 2, 3] as const).map((cipher) => ({ ...pair, cipher, isFast: cipher === row + 1 })),
);

it.each(inLane({ fast: ways.filter(({ isFast }) => isFast), slow: ways.filter(({ isFast }) => !isFast) }))(
  "PCHC-12 PCHC-13 PCHC-48 PCHC-57 content $content.0, offers $offers.0, cipher $cipher",
  async ({ cipher, content: version, offers }) => {
    await using origin = await contentServer();
    const content = randomBytes(SIZE);
    await origin.put(content);
    await origin.hashed();
    await using office = await hostedOffice({ https });
    const hostedClient = { offerVersion: offers, tls: { ca: certificates.ca.cert } };
    const first = await office.client({ hostedClient, cipherId: cipher });
    const one = await first.get(origin.url, version);
    expect(Buffer.from(one.content).equals(content)).toEqual(true);
    await office.settled(SIZE);
    const held = await office.store.blocks.usage();
    expect(held.segments.complete === 0, "blind, but for what offers 1.0 let it verify").toEqual(
      offers === 2,
    );
    const second = await office.client({ hostedClient });
    const two = await second.get(origin.url, version);
    expect(Buffer.from(two.content).equals(content)).toEqual(true);
    expect(two.report.bytes).toMatchObject({ hosted: SIZE, origin: 0 });
  },
);
