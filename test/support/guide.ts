/** Guides as their reader goes through them: each block that is marked to be run, in order, on the machine that it is for. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { command } from "./commands.mjs";
import type { TestDaemon } from "./daemon.ts";

const guides = join(import.meta.dirname, "../../docs/guides");

export const readGuide = (name: string): Promise<string> => readFile(join(guides, name), "utf8");

export interface GuideBlock {
  /** What the mark names, as in `<!-- run: client -->`; empty where it names nothing. */
  readonly name: string;
  readonly text: string;
}

/** Blocks of this language under such a mark. */
export function guideBlocks(page: string, mark: string, language: string): readonly GuideBlock[] {
  const pattern = new RegExp(`<!-- ${mark}(?:: (\\w+))? -->\\n\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g");
  return [...page.matchAll(pattern)].map(([, name = "", text = ""]) => ({ name, text }));
}

export interface GuideScene {
  /** By the names of the marks; the guide's own machine is `""`. */
  readonly machines: Readonly<Record<string, TestDaemon>>;
  /** What stands in this test for what the guide names, such as a host. */
  readonly replace?: (text: string) => string | Promise<string>;
  /** Called before a block is run. */
  readonly before?: (block: GuideBlock) => Promise<void>;
}

/** Runs them in one directory, that of the guide's own machine; gives all that they printed. Throws where one fails. */
export async function runGuide(
  page: string,
  { before, machines, replace = (text) => text }: GuideScene,
): Promise<string> {
  const blocks = guideBlocks(page, "run", "sh");
  if (blocks.length === 0) throw new Error("the guide has no commands");
  let printed = "";
  for (const block of blocks) {
    const machine = machines[block.name];
    if (!machine) throw new Error(`no machine ${JSON.stringify(block.name)} in the test`);
    await before?.(block);
    const { code, output } = await runBlock(await replace(block.text), machine, machines[""] ?? machine);
    printed += output;
    if (code !== 0) throw new Error(`${block.text}ended with ${code}:\n${output}`);
  }
  return printed;
}

async function runBlock(
  text: string,
  machine: TestDaemon,
  { directory: cwd }: TestDaemon,
): Promise<{ readonly code: number; readonly output: string }> {
  const bin = join(machine.directory, "bin");
  const words = command("branchcache", "--config", machine.configFile).map((word) => `'${word}'`);
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, "branchcache"), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
  await chmod(join(bin, "branchcache"), 0o755);
  // It ends with 4 where it found something, as the guides say.
  const script = text.replace(/^branchcache (?:doctor|status)$/gm, "$& || test $? = 4");
  const child = spawn("sh", ["-e", "-c", script], {
    cwd,
    env: {
      ...process.env,
      PATH: `${bin}:${process.env["PATH"]}`,
      BRANCHCACHE_CONTROL_SOCKET: join(machine.directory, "control.sock"),
      BRANCHCACHE_API_SOCKET: machine.socket,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  const [code] = await once(child, "close");
  return { code, output };
}
