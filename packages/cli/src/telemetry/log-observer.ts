/** Events as log lines on standard error: JSON for machines, or one plain line for people. */
import { createRequire } from "node:module";
import { styleText } from "node:util";
import type { EventLevel, Observer } from "@branchcache/runtime";
import type { Logger } from "pino";

/** `auto`: text on a terminal, else json. */
export type LogFormat = "auto" | "json" | "text";
export const LOG_LEVELS: readonly EventLevel[] = ["trace", "debug", "info", "warn", "error"];

export interface LogOptions {
  readonly level: EventLevel;
  /** Default `auto`. */
  readonly format?: LogFormat | undefined;
}

export function logObserver({ level, format = "auto" }: LogOptions): Observer {
  const isText = format === "text" || (format === "auto" && process.stderr.isTTY === true);
  return isText ? textObserver(level) : jsonObserver(level);
}

function jsonObserver(level: EventLevel): Observer {
  const least = LOG_LEVELS.indexOf(level);
  let logger: Logger | undefined;
  return {
    event(eventLevel, event, fields) {
      if (LOG_LEVELS.indexOf(eventLevel) < least) return;
      logger ??= jsonLogger(level);
      logger[eventLevel]({ event, ...fields });
    },
    count() {},
    measure() {},
  };
}

/** Loads pino, which most commands do without: they have nothing to log. */
function jsonLogger(level: EventLevel): Logger {
  const { destination, pino } = createRequire(import.meta.url)("pino") as typeof import("pino");
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination({ dest: 2, sync: true }),
  );
}

const COLOURS = { trace: "gray", debug: "gray", info: "green", warn: "yellow", error: "red" } as const;

function textObserver(level: EventLevel): Observer {
  const least = LOG_LEVELS.indexOf(level);
  const coloured = process.stderr.isTTY === true && process.env["NO_COLOR"] === undefined;
  return {
    event(eventLevel, event, fields = {}) {
      if (LOG_LEVELS.indexOf(eventLevel) < least) return;
      const label = coloured ? styleText(COLOURS[eventLevel], eventLevel) : eventLevel;
      process.stderr.write(`${new Date().toISOString()} ${label} ${event}${fieldsText(fields)}\n`);
    },
    count() {},
    measure() {},
  };
}

/** ` name=value` of each, in quotes where a value has spaces. */
export function fieldsText(fields: Readonly<Record<string, unknown>>): string {
  let text = "";
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    const shown = String(value);
    text += ` ${key}=${/[\s"=]/.test(shown) ? JSON.stringify(shown) : shown}`;
  }
  return text;
}
