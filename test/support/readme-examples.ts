/** The programs that the packages' READMEs begin with. Each is complete, ends by itself and says what it did. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");

/** Folders under packages/. */
export const PACKAGES: readonly string[] = readdirSync(join(root, "packages")).sort();

export interface ReadmeExample {
  readonly folder: string;
  /** Its place in `readmeExamples`. */
  readonly index: number;
  readonly text: string;
  /** With the blocks that go on with it further down the page. */
  readonly whole: string;
  /** What it writes to its standard output. */
  readonly prints: RegExp;
}

/** By folder. Another run of these tests on this machine may answer the two that ask the link as well. */
const PRINTS: Readonly<Record<string, RegExp>> = {
  "cache-store": /^stored\n1\n4\n$/,
  conformance: /0 failed, 0 inconclusive, 0 skipped\n(?:.*\n)*our node conforms to \[MS-PCCRR\]/,
  "content-info": /true\n$/,
  "dgram-ws-discovery":
    /^(?:urn:uuid:6a1e8b6c\S+ \[ 'http:\/\/192\.0\.2\.10:8080\/print' \] 127\.0\.0\.1\n)+$/,
  discovery: /^true 80 3$/m,
  "hosted-cache": /^blind, from 127\.0\.0\.1:80\n$/,
  "http-encoding": /^content-information\n(?:true\n)+$/,
  "peer-node": /^\{ local: 0, peer: 0, hosted: 0, origin: 13 \}\n$/,
  peerdist: /^missing 0\n$/,
  retrieval: /^22000\n$/,
  runtime: /^300\nfalse\ntrue\n$/,
};

/** The block after `<!-- example: … -->` of each README that has one. */
export const readmeExamples: readonly ReadmeExample[] = Object.entries(PRINTS).map(
  ([folder, prints], index) => {
    const page = readFileSync(join(root, "packages", folder, "README.md"), "utf8");
    const text = /<!-- example: .*? -->\n```ts\n(.*?)```/s.exec(page)?.[1];
    if (text === undefined) throw new Error(`packages/${folder}/README.md has no example`);
    const whole = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, block = ""]) => block).join("\n");
    return { folder, index, text, whole, prints };
  },
);
