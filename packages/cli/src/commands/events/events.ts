import type { EventLevel } from "@branchcache/runtime";
import { ControlClient } from "../../control/client.ts";
import type { EventItem } from "../../daemon/control-methods.ts";
import type { ControlOptions } from "../../options/control-options.ts";
import { fieldsText } from "../../telemetry/log-observer.ts";
import { print } from "../../terminal/output.ts";
import { aborted, stopSignal } from "../../terminal/stop-signals.ts";

export interface EventsOptions extends ControlOptions {
  readonly follow?: true;
  readonly lines: number;
  readonly level: EventLevel;
}

export async function runEvents(options: EventsOptions): Promise<void> {
  const { follow, lines, level } = options;
  await using daemon = await ControlClient.connect(options.controlSocket);
  const show = (item: unknown) => {
    print(options, item, [eventLine(item as EventItem)]);
  };
  const wanted = { max: Math.min(lines, 1_000), follow: follow === true, level };
  const done = daemon.request("events", wanted, show);
  if (!follow) await done;
  else {
    const signal = stopSignal();
    await Promise.race([done, aborted(signal)]);
  }
}

function eventLine({ time, level, event, ...fields }: EventItem): string {
  return `${time} ${level.padEnd(5)} ${event}${fieldsText(fields)}`;
}
