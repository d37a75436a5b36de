/** Completion of the command line in shells: the script and the words both come from the commands themselves. */
import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";
import { settingKeys } from "../config/keys.ts";

const KEY_COMMANDS = ["config show", "config get", "config set", "config unset"];

/** Adds `completion <shell>`, which prints a script, and `complete`, which that script calls. */
export function addCompletion(program: Command): Command {
  const completion = tab(program, { completionCommandName: "completion" });
  for (const [name, { description }] of describedCommands(program, "")) {
    const known = completion.commands.get(name);
    if (known) known.description = description;
  }
  for (const name of KEY_COMMANDS) {
    const argument = completion.commands.get(name)?.arguments.get("key");
    if (!argument) continue;
    argument.handler = (complete) => {
      for (const { key, help } of settingKeys) complete(key, help);
    };
  }
  return program;
}

/** Shells show one line beside each word. */
function* describedCommands(
  command: Command,
  name: string,
): Generator<readonly [string, { readonly description: string }], void, undefined> {
  for (const child of command.commands) {
    const whole = name === "" ? child.name() : `${name} ${child.name()}`;
    const [line = ""] = (child.summary() || child.description()).split("\n");
    yield [whole, { description: line }];
    yield* describedCommands(child, whole);
  }
}
