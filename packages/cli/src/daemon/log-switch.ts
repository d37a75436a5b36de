/** The daemon's log, whose level and format may change while it runs. */
import type { EventFields, EventLevel, EventName, Observer } from "@branchcache/runtime";
import { type LogOptions, logObserver } from "../telemetry/log-observer.ts";

export class LogSwitch implements Observer {
  #log: Observer;

  constructor(options: LogOptions) {
    this.#log = logObserver(options);
  }

  use(options: LogOptions): void {
    this.#log = logObserver(options);
  }

  event(level: EventLevel, name: EventName, fields?: EventFields): void {
    this.#log.event(level, name, fields);
  }

  count(): void {}

  measure(): void {}
}
