/** Options of commands that are settings: without the option, what the configuration says. */
import { resolve as resolvePath } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { z } from "zod";
import { findSetting, readTyped, type SettingKey } from "../config/keys.ts";
import { getAt, type SettingFlags } from "../config/layers.ts";
import { type ResolvedConfig, resolveConfig } from "../config/resolve.ts";
import { globalsOf } from "./config-option.ts";

export class SettingOption extends Option {
  readonly setting: SettingKey;
  /** As it would be written in a file, once it was given. */
  raw: unknown;

  /** The option's value is the setting's, as read. Lists are gathered: with commas, or option by option. */
  constructor(flags: string, key: string, description?: string) {
    const setting = findSetting(key);
    if (!setting) throw new Error(`${key} is no setting`);
    super(flags, description ?? lowerFirst(setting.help));
    this.setting = setting;
    this.envVar = setting.variable;
    // On the command line a path may be relative to where one stands, as everywhere else.
    const takesPath = /<(?:dir|file|path)>/.test(flags);
    const isList = Array.isArray(setting.fallback);
    this.argParser((text) => {
      const typed = takesPath ? resolvePath(text) : readTyped(setting, text);
      this.raw = isList && Array.isArray(this.raw) && Array.isArray(typed) ? [...this.raw, ...typed] : typed;
      return checked(setting, this.raw);
    });
    const choices = enumValues(setting.schema);
    if (choices) this.argChoices = choices;
    if (setting.fallback !== undefined && !isList) {
      this.default(setting.schema.parse(setting.fallback), String(setting.fallback));
    }
  }
}

function checked({ schema }: SettingKey, value: unknown): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues as z.core.$ZodIssue[];
  throw new InvalidArgumentError(`It ${first?.message ?? "is not accepted"}.`);
}

/** Those of them that were given on the command line. */
export function settingFlags(command: Command): SettingFlags {
  const flags = new Map<string, { flag: string; value: unknown }>();
  for (const option of command.options) {
    if (!(option instanceof SettingOption)) continue;
    if (command.getOptionValueSource(option.attributeName()) !== "cli") continue;
    flags.set(option.setting.key, { flag: option.long ?? option.flags, value: option.raw });
  }
  return flags;
}

/** Gives options that nobody gave what the configuration says. To be called before the command's action. */
export async function applyConfig(command: Command): Promise<void> {
  const open = command.options.filter(
    (option): option is SettingOption =>
      option instanceof SettingOption &&
      [undefined, "default"].includes(command.getOptionValueSource(option.attributeName())),
  );
  if (open.length === 0) return;
  const config = await resolveConfig({ configFile: globalsOf(command).config });
  for (const option of open) applyOne(command, option, config);
}

function applyOne(command: Command, option: SettingOption, { settings, written }: ResolvedConfig): void {
  const { key } = option.setting;
  if (written.get(key)?.origin.kind === "default") return;
  command.setOptionValueWithSource(option.attributeName(), getAt(settings, key), "config");
}

function enumValues(schema: z.ZodType): string[] | undefined {
  const inner = schema instanceof z.ZodPrefault ? schema.def.innerType : schema;
  return inner instanceof z.ZodEnum ? inner.options.map(String) : undefined;
}

/** Leaves abbreviations as they are. */
function lowerFirst(text: string): string {
  if (/^\p{Lu}{2}/u.test(text)) return text;
  return text.charAt(0).toLowerCase() + text.slice(1);
}
