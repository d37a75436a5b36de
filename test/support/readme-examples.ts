/** The programs that the packages' READMEs begin with. Each is complete, ends by itself and says what it did. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");

/** Folders under packages/. */
export const PACKAGES: readonly string[] = readdirSync(join(root, "packages")).sort();

export interface ReadmeExample {
  readonly folder: string;
  readonly text: string;
  /** What it writes to its standard output. */
  readonly prints: RegExp;
}

/** By folder. */
const PRINTS: Readonly<Record<string, RegExp>> = {
  conformance: /our node conforms to \[MS-PCCRR\]/,
  peerdist: /^missing 0\n$/,
};

/** The block after `<!-- example: … -->` of each README that has one. */
export const readmeExamples: readonly ReadmeExample[] = Object.entries(PRINTS).map(([folder, prints]) => {
  const page = readFileSync(join(root, "packages", folder, "README.md"), "utf8");
  const text = /<!-- example: .*? -->\n```ts\n(.*?)```/s.exec(page)?.[1];
  if (text === undefined) throw new Error(`packages/${folder}/README.md has no example`);
  return { folder, text, prints };
});
