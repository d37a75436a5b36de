/** Man pages, made from the commands and the settings themselves. */
import type { Command, Option } from "commander";
import { settingKeys } from "../config/keys.ts";
import { branchcacheProgram } from "../programs/branchcache.ts";
import { branchcachedProgram } from "../programs/branchcached.ts";
import { entry, paragraph, roffText, section, titleLine, verbatim } from "./roff.ts";

/** By file name. `version` stands at their foot. */
export function manualPages(version: string): Readonly<Record<string, string>> {
  return {
    "branchcache.1": commandPage(branchcacheProgram(), 1, version, "branchcached(8), branchcache.json(5)"),
    "branchcached.8": commandPage(branchcachedProgram(), 8, version, "branchcache(1), branchcache.json(5)"),
    "branchcache.json.5": settingsPage(version),
  };
}

function commandPage(program: Command, chapter: number, version: string, seeAlso: string): string {
  const [first = ""] = program.description().split("\n");
  const parts = [
    titleLine(program.name(), chapter, version),
    section("NAME"),
    roffText(`${program.name()} - ${first.replace(/:$/, "")}`),
    section("SYNOPSIS"),
    `\\fB${roffText(program.name())}\\fR ${roffText(program.usage())}`,
    section("DESCRIPTION"),
    paragraph(program.description()),
    section("OPTIONS"),
    ...options(program),
    ...afterHelp(program),
  ];
  if (program.commands.length > 0)
    parts.push(section("COMMANDS"), ...program.commands.flatMap((child) => command(child, "")));
  parts.push(section("FILES"), ...FILES.map(([path, what]) => entry(path, what)));
  parts.push(section("SEE ALSO"), roffText(seeAlso));
  return `${parts.join("\n")}\n`;
}

const FILES: readonly (readonly [path: string, what: string])[] = [
  ["/etc/branchcache/branchcache.json", "settings of root and the service: branchcache.json(5)"],
  ["/etc/branchcache/branchcache.d", "drop-ins, which overrule it"],
  ["/var/lib/branchcache", "what to back up: the content server's secret, the certificate of a hosted cache"],
  [
    "/var/cache/branchcache",
    "blocks and hashes, which come again by themselves, and the totals of `branchcache stats`",
  ],
  ["/run/branchcache", "the daemon's sockets"],
  [
    "/usr/share/doc/branchcache/guides",
    "step by step; from-windows.md has what Windows' cmdlets, netsh and policies are here",
  ],
  [
    "~/.config/branchcache, ~/.local/state/branchcache, ~/.cache/branchcache",
    "the same of anybody else, who may run a daemon and commands of his own",
  ],
];

function command(self: Command, above: string): readonly string[] {
  const name = `${above}${self.name()}`;
  const usage = self.usage().replace("[command]", "COMMAND");
  return [
    `.SS "${roffText(`${name} ${usage}`.trim())}"`,
    paragraph(self.description()),
    ...self.registeredArguments.map((argument) => entry(argument.name(), argument.description)),
    ...options(self),
    ...afterHelp(self),
    ...self.commands.flatMap((child) => command(child, `${name} `)),
  ];
}

function options(self: Command): readonly string[] {
  return self
    .createHelp()
    .visibleOptions(self)
    .map((option) => entry(option.flags, optionText(self, option)));
}

function optionText(self: Command, option: Option): string {
  return self.createHelp().optionDescription(option);
}

/** What stands below the options in the help text: examples and the exit status. */
function afterHelp(self: Command): readonly string[] {
  let text = "";
  self.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  self.outputHelp();
  const options = self.createHelp().formatHelp(self, self.createHelp());
  const rest = text.startsWith(options) ? text.slice(options.length).trim() : "";
  return rest === "" ? [] : [verbatim(rest)];
}

function settingsPage(version: string): string {
  const parts = [
    titleLine("branchcache.json", 5, version),
    section("NAME"),
    roffText("branchcache.json - settings of branchcached and branchcache"),
    section("DESCRIPTION"),
    paragraph(
      "One JSON object. Drop-ins, files that end in .json in the directory branchcache.d beside it, are read after it in " +
        "the order of their names. BRANCHCACHE_<KEY> in the environment, dots as underscores, overrules them, and options " +
        "of the command line overrule all. `branchcache config show --origin` says what holds and where it comes from; " +
        "`branchcache config schema` prints the JSON Schema.",
    ),
    paragraph(
      "Keys are written here with dots; in the file each part is an object. Times are written as 300ms, 2s, 10m, 28d, sizes " +
        "as 64KiB, 20GiB or a number of bytes.",
    ),
    section("FILES"),
    entry("/etc/branchcache/branchcache.json", "of root and the service"),
    entry("~/.config/branchcache/branchcache.json", "of anybody else"),
    section("SETTINGS"),
    ...settingKeys.map(({ key, help, fallback, takes, byPlatform }) => {
      const value = byPlatform ? "by platform" : fallback === undefined ? "none" : JSON.stringify(fallback);
      const when = takes === "restart" ? " Followed when the daemon starts again." : "";
      return entry(key, `${help}. Default: ${value}.${when}`);
    }),
    section("SEE ALSO"),
    roffText("branchcache(1), branchcached(8)"),
  ];
  return `${parts.join("\n")}\n`;
}
