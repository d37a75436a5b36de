import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { manualClock } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { batteryWatch } from "../../src/daemon/battery.ts";

type Supplies = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A directory as `/sys/class/power_supply` is. */
async function power(supplies: Supplies): Promise<string> {
  const directory = await temporaryDirectory();
  for (const [supply, files] of Object.entries(supplies)) {
    await mkdir(join(directory, supply));
    for (const [name, text] of Object.entries(files))
      await writeFile(join(directory, supply, name), `${text}\n`);
  }
  return directory;
}

const mains = (online: string) => ({ type: "Mains", online });
const battery = (status: string) => ({ type: "Battery", status });

describe("whether a machine runs on a battery", () => {
  it.each<[string, Supplies, boolean]>([
    ["of a machine without any supply", {}, false],
    ["of a desktop", { AC: mains("1") }, false],
    ["of a notebook without its cable", { AC: mains("0"), BAT0: battery("Discharging") }, true],
    ["of one that charges", { AC: mains("1"), BAT0: battery("Charging") }, false],
    [
      "of one that says it discharges with the cable in",
      { AC: mains("1"), BAT0: battery("Discharging") },
      false,
    ],
    ["of one whose second battery discharges", { BAT0: battery("Full"), BAT1: battery("Discharging") }, true],
    ["of a desktop with a mouse", { mouse: { ...battery("Discharging"), scope: "Device" } }, false],
    ["of a supply that tells nothing", { odd: {} }, false],
  ])("is known %s", async (_, supplies, expected) => {
    expect(batteryWatch(manualClock(), await power(supplies))()).toEqual(expected);
  });

  it("is no where no supplies are told", () => {
    expect(batteryWatch(manualClock(), "/nowhere/power_supply")()).toEqual(false);
  });

  it("is looked up again after five seconds, and not before", async () => {
    const clock = manualClock();
    const directory = await power({ AC: mains("0"), BAT0: battery("Discharging") });
    const onBattery = batteryWatch(clock, directory);
    expect(onBattery()).toEqual(true);
    await writeFile(join(directory, "AC", "online"), "1\n");
    await clock.advance(4_999);
    expect(onBattery()).toEqual(true);
    await clock.advance(1);
    expect(onBattery()).toEqual(false);
  });
});
