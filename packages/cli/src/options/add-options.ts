import type { Command, Option } from "commander";

/** Options that several commands share are functions that make them; this puts them on a command, in their order. */
export function addOptions(command: Command, options: readonly Option[]): Command {
  for (const option of options) command.addOption(option);
  return command;
}
