/** How many answers wait for their delay at one time, whoever asks. */
import { expect, it } from "vitest";
import { writeMessage } from "../src/index.ts";
import { ADDRESS, link } from "./support.ts";

it("W-15 a flood of probes is answered up to a limit, and the next probe after it", async () => {
  const here = link();
  const { discovery } = await here.host("192.0.2.10/24");
  let answered = 0;
  let limited = 0;
  await discovery.respond(
    { onProbe: () => () => ({ address: ADDRESS, metadataVersion: 1 }) },
    { answersPerSecond: 1_000_000, onAnswered: () => answered++, onLimited: () => limited++ },
  );
  const socket = await here.lan.host("192.0.2.1/24").open({ family: 4 }, () => {});
  const ask = (count: number) =>
    socket.send(
      writeMessage({ version: "2005/04", kind: "Probe", messageId: `urn:flood:${count}`, probe: {} }),
      { address: "239.255.255.250", port: 3702 },
    );
  for (let count = 0; count < 8_200; count++) await ask(count);
  await here.clock.advance(500);
  expect([answered, limited]).toEqual([8_192, 8]);
  await ask(8_200);
  await here.clock.advance(500);
  expect(answered).toBe(8_193);
  await here.close();
}, 300_000);
