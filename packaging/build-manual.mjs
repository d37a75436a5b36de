// @ts-check
/** Writes man pages, the schema and completions into a folder: `node packaging/build-manual.mjs DIR`, after a build. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { manualPages, settingsJsonSchema, version } from "@branchcache/cli";

const [, , directory] = process.argv;
if (directory === undefined) throw new Error("name a folder");
const program = fileURLToPath(new URL("../packages/cli/dist/branchcache.js", import.meta.url));

/** @param {string} path @param {string} text */
function write(path, text) {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
}

for (const [name, text] of Object.entries(manualPages(version))) {
  write(join(directory, `man/man${name.at(-1)}`, name), text);
}
write(
  join(directory, "branchcache/branchcache.schema.json"),
  `${JSON.stringify(settingsJsonSchema(), undefined, 2)}\n`,
);
const completions = {
  bash: "bash-completion/completions/branchcache",
  zsh: "zsh/vendor-completions/_branchcache",
  fish: "fish/vendor_completions.d/branchcache.fish",
};
for (const [shell, path] of Object.entries(completions)) {
  const script = execFileSync(process.execPath, [program, "completion", shell], { encoding: "utf8" });
  write(join(directory, path), script.replaceAll(`${process.execPath} ${program}`, "branchcache"));
}
