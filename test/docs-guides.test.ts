/** What the guides say in passing, beside the commands that are run: commands, settings and their defaults. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EVENTS } from "@branchcache/cli";
import { describe, expect, it } from "vitest";
import { examples, expectCommand, settings } from "./support/manual.ts";

const directory = join(import.meta.dirname, "../docs/guides");
const pages = readdirSync(directory)
  .filter((name) => name.endsWith(".md"))
  .map((name) => [name, readFileSync(join(directory, name), "utf8")] as const);
const schema = JSON.parse(
  readFileSync(join(import.meta.dirname, "../packages/cli/docs/branchcache.schema.json"), "utf8"),
);

/** In a line of text, rather than in a block. */
const inline = (page: string): string[] =>
  [...page.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`]+)`/g)].map((m) => m[1] ?? "");

const defaultOf = (key: string): unknown =>
  key.split(".").reduce((node, name) => node?.properties?.[name], schema)?.default;

const sections = new Set([...settings].map((key) => key.split(".")[0]));

describe.each(pages)("%s", (_, page) => {
  it("names commands and settings that there are", () => {
    for (const text of inline(page)) {
      if (/^branchcache [a-z]/.test(text)) expectCommand(text);
      const isKey = /^[a-z_]+\.[a-z_]+(?:\.[a-z_]+)?$/.test(text) && sections.has(text.split(".")[0]);
      // Events and files have names like settings.
      if (isKey && !(text in EVENTS) && !/\.(?:sock|json)$/.test(text))
        expect(settings, text).toContain(text);
    }
  });

  it("links to files that there are", () => {
    for (const [, target = ""] of page.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
      expect(() => readFileSync(join(directory, target)), target).not.toThrow(/ENOENT/);
    }
  });
});

describe("tuning.md", () => {
  const page = pages.find(([name]) => name === "tuning.md")?.[1] ?? "";
  const rows = [...page.matchAll(/^\| `([a-z_.]+)` \| `([^`]+)` \|/gm)].map((m) => [m[1] ?? "", m[2] ?? ""]);

  it("has the defaults of the settings", () => {
    expect(rows.length).toBeGreaterThan(10);
    for (const [key = "", text] of rows) {
      const value = defaultOf(key);
      expect(typeof value === "string" ? value : JSON.stringify(value), key).toBe(text);
    }
  });
});

describe("the help's examples", () => {
  it.each(examples)("%s", (example) => {
    const [first = ""] = example.split(/ [|&>]| {2}/);
    expectCommand(first);
  });
});
