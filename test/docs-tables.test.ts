/** The tables of counterparts against the commands and settings that there really are. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EVENTS, METRICS, observationReference } from "@branchcache/cli";
import { describe, expect, it } from "vitest";
import { expectCommand, settings } from "./support/manual.ts";

const page = readFileSync(join(import.meta.dirname, "../docs/guides/from-windows.md"), "utf8");
interface Row {
  readonly windows: string;
  readonly here: string;
}

function table(name: string): readonly Row[] {
  const [, after = ""] = page.split(`<!-- table: ${name} -->`);
  const lines = after.trimStart().split("\n");
  const end = lines.findIndex((line) => !line.startsWith("|"));
  return lines.slice(2, end < 0 ? undefined : end).map((line) => {
    const [, windows = "", here = ""] = line.split("|").map((cell) => cell.trim());
    return { windows: windows.replaceAll("`", ""), here };
  });
}

const CMDLETS =
  "Enable-BCDistributed Enable-BCHostedClient Enable-BCHostedServer Enable-BCLocal Disable-BC Enable-BCDowngrading " +
  "Disable-BCDowngrading Enable-BCServeOnBattery Disable-BCServeOnBattery Get-BCStatus Get-BCClientConfiguration " +
  "Get-BCContentServerConfiguration Get-BCHostedCacheServerConfiguration Get-BCNetworkConfiguration Get-BCDataCache " +
  "Get-BCHashCache Get-BCDataCacheExtension Add-BCDataCacheExtension Remove-BCDataCacheExtension Set-BCCache " +
  "Clear-BCCache Set-BCDataCacheEntryMaxAge Set-BCMinSMBLatency Set-BCAuthentication Publish-BCFileContent " +
  "Publish-BCWebContent Export-BCCachePackage Import-BCCachePackage Set-BCSecretKey Export-BCSecretKey " +
  "Import-BCSecretKey Reset-BC";
const NETSH = [
  ...[
    "show status",
    "show localcache",
    "show publicationcache",
    "show hostedcache",
    "set service",
    "set cachesize",
  ],
  ...[
    "set publicationcachesize",
    "set localcache",
    "set publicationcache",
    "set key",
    "exportkey",
    "importkey",
  ],
  ...["flush", "reset", "smb set latency", "smb show latency", "smb dump", "dump"],
];

describe("the counterparts of Windows", () => {
  it("has a row for every cmdlet, netsh command and policy", () => {
    expect(table("cmdlets").map(({ windows }) => windows)).toEqual(CMDLETS.split(" "));
    expect(table("netsh").map(({ windows }) => windows)).toEqual(NETSH);
    expect(table("policies")).toHaveLength(12);
  });

  const rows = ["cmdlets", "netsh", "policies", "registry"].flatMap(table);
  const typed = rows.flatMap(({ windows, here }) =>
    [...here.matchAll(/`(branchcache [^`]+)`/g)].map((m) => [windows, m[1] ?? ""] as const),
  );
  const keys = rows.flatMap(({ windows, here }) =>
    [...here.matchAll(/`([a-z_]+(?:\.[a-z_]+)*)`/g)]
      .map((m) => m[1] ?? "")
      .filter((key) => key !== "branchcache")
      .map((key) => [windows, key] as const),
  );

  it("each name a command, a setting, or a reason", () => {
    for (const { windows, here } of rows)
      expect(here, windows).toMatch(/`(?:branchcache |[a-z_]+[.`])|none: /);
    expect(typed.length).toBeGreaterThan(50);
    expect(keys.length).toBeGreaterThan(15);
  });

  it.each(typed)("%s: %s", (_windows, command) => {
    expectCommand(command);
  });

  it.each(keys)("%s: %s", (_windows, key) => {
    expect(settings).toContain(key);
  });
});

describe("the reference of events and metrics", () => {
  const file = join(import.meta.dirname, "../docs/guides/events-and-metrics.md");
  if (process.env["WRITE_DOCS"]) writeFileSync(file, observationReference());

  const tables = /\/(?:observer|event-table|metric-table)\.ts$/;
  const sources = readdirSync(join(import.meta.dirname, "../packages"))
    .flatMap((name) => {
      const folder = join(import.meta.dirname, "../packages", name, "src");
      return readdirSync(folder, { recursive: true, encoding: "utf8" }).map((path) => join(folder, path));
    })
    .filter((path) => path.endsWith(".ts") && !tables.test(path))
    .map((path) => readFileSync(path, "utf8"))
    .join("\n");

  it("is what the declarations say", () => {
    expect(readFileSync(file, "utf8")).toBe(observationReference());
  });

  it.each(Object.keys(EVENTS))("%s is told of somewhere", (name) => {
    expect(sources).toContain(`"${name}"`);
  });

  it.each(Object.entries(METRICS))("%s is counted somewhere", (name, { type }) => {
    expect(sources).toMatch(new RegExp(`${type === "counter" ? "count" : "measure"}\\(\\s*"${name}"`));
  });

  it("has a row for each of Windows' operational events, or a reason", () => {
    const covered = new Set(Object.values(EVENTS).flatMap(({ windowsIds = [] }) => windowsIds));
    const missing = Array.from({ length: 41 }, (_, i) => i + 1).filter((id) => !covered.has(id));
    // Rolled up, sizes, the service connection point: the page says why.
    expect(missing).toEqual([21, 32, 33, 34, 35, 36]);
  });
});
