/**
 * Calls, cancels and closes at random, from a seed. Every operation that is accepted has to complete once, and
 * nothing stays behind: no handle, operation, publication, timer, socket, listener.
 */
import { randomFraction, randomInteger } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";
import {
  CompletionPort,
  ERROR_IO_PENDING,
  Overlapped,
  type PEERDIST_CONTENT_HANDLE,
  type PEERDIST_CONTENTINFO_HANDLE,
  PEERDIST_STATUS,
  type PEERDIST_STREAM_HANDLE,
} from "../../src/index.ts";
import { bytesOf, content, information } from "./branch.ts";
import { type Caller, OTHER_TAG, TAG, World } from "./caller.ts";
import type { TransportUnderTest } from "./transports.ts";

const CLIENTS = 6;
const UNDER_WAY = 40;
/** What calls may return here; anything else is a fault. */
const KNOWN = new Set([0, 6, 87, 995, 997, 1168, 1260, 1816, 4054, 4055, 4056, 4057, 4058, 4059, 4060, 4065]);
const OUTCOMES = new Set([0, 87, 995, 1460, 4050, 4051, 4052, 4053, 4057, 4061, 1816]);

export interface StressReport {
  readonly calls: number;
  readonly accepted: number;
  readonly completed: number;
  readonly outcomes: ReadonlyMap<number, number>;
}

export async function stress(
  transport: TransportUnderTest,
  calls: number,
  seed: number,
): Promise<StressReport> {
  const random = seededRandom(seed);
  const warnings: string[] = [];
  // Node.js tells of listeners that pile up.
  const onWarning = ({ message }: Error) => warnings.push(message);
  process.on("warning", onWarning);
  const before = connections();
  const chance = (of: number) => randomFraction(random) < of;
  const among = <T>(all: readonly T[]): T | undefined => all[randomInteger(random, 0, all.length - 1)];
  const world = await World.start(transport);
  const answers = ["no-peer", "failed", "timeout", "never"] as const;
  world.branch.peers = (block) =>
    block.segment.version === 1 && chance(0.5) ? bytesOf(block) : (among(answers) ?? "failed");

  const port = new CompletionPort();
  const accepted = new Set<Overlapped>();
  const completed = new Set<Overlapped>();
  const outcomes = new Map<number, number>();
  const faults: string[] = [];
  const clients: Client[] = [];

  interface Client {
    readonly caller: Caller;
    readonly streams: PEERDIST_STREAM_HANDLE[];
    readonly infos: PEERDIST_CONTENTINFO_HANDLE[];
    readonly contents: PEERDIST_CONTENT_HANDLE[];
    readonly busy: Overlapped[];
  }

  async function newClient(): Promise<Client> {
    const caller = await world.caller(among(["uid:1", "uid:2"]));
    return { caller, streams: [], infos: [], contents: [], busy: [] };
  }
  for (let i = 0; i < CLIENTS; i++) clients.push(await newClient());

  const note = (code: number, call: string) => {
    if (!KNOWN.has(code)) faults.push(`${call} returned ${code}`);
  };
  const submit = async (client: Client, run: (o: Overlapped) => Promise<number>, offset = 0) => {
    const overlapped = new Overlapped({ offset });
    client.busy.push(overlapped);
    if (client.busy.length > 30) client.busy.shift();
    const code = await run(overlapped);
    note(code, "an operation");
    if (code === ERROR_IO_PENDING) accepted.add(overlapped);
  };
  const keep = <T>(all: T[], handle: T | undefined) => {
    if (handle !== undefined) all.push(handle);
  };
  const drop = <T>(all: T[]): T | undefined => all.splice(randomInteger(random, 0, all.length), 1)[0];

  async function step(client: Client): Promise<void> {
    const { caller, streams, infos, contents, busy } = client;
    const { api, instance } = caller;
    const name = among(["a", "b", "c"]) ?? "a";
    const id = new TextEncoder().encode(name);
    const stream = among(streams);
    const info = among(infos);
    const opened = among(contents);
    // One in six lies past the end.
    const offset = randomInteger(random, 0, content.length * 1.2);
    const length = randomInteger(random, 1, 70_000);
    const buffer = new Uint8Array(length);
    const timeout = chance(0.5) ? 0 : randomInteger(random, 1, 3_000);
    const actions: readonly (() => Promise<unknown>)[] = [
      async () => {
        const { code, handle } = await caller.publishStream(name, 0n, port, 1);
        note(code, "PublishStream");
        keep(streams, handle);
      },
      () => submit(client, (o) => api.PeerDistServerPublishAddToStream(instance, stream, length, content, o)),
      () => submit(client, (o) => api.PeerDistServerPublishCompleteStream(instance, stream, o)),
      async () => note(await api.PeerDistServerCloseStreamHandle(instance, drop(streams)), "CloseStream"),
      async () => note(await caller.unpublish(name), "Unpublish"),
      async () => {
        const { code, handle } = await caller.openInformation(name, {}, port, 2);
        note(code, "OpenContentInformation");
        keep(infos, handle);
      },
      () =>
        submit(client, (o) =>
          api.PeerDistServerRetrieveContentInformation(instance, info, length, buffer, o),
        ),
      async () => note(await api.PeerDistServerCloseContentInformation(instance, drop(infos)), "CloseInfo"),
      async () => {
        const handle = await caller
          .openContent(chance(0.5) ? TAG : OTHER_TAG, port, 3)
          .catch(() => undefined);
        keep(contents, handle);
        const bytes = information(chance(0.7) ? 1 : 2);
        const add = (o: Overlapped) =>
          api.PeerDistClientAddContentInformation(instance, handle, bytes.length, bytes, o);
        await submit(client, add);
        if (chance(0.9)) await new Promise<void>((resolve) => setImmediate(resolve));
        await submit(client, (o) => api.PeerDistClientCompleteContentInformation(instance, handle, o));
      },
      () => {
        const bytes = content.subarray(offset, offset + length);
        const add = (o: Overlapped) => api.PeerDistClientAddData(instance, opened, bytes.length, bytes, o);
        return submit(client, add, offset);
      },
      () =>
        submit(
          client,
          (o) => api.PeerDistClientBlockRead(instance, opened, length, buffer, timeout, o),
          offset,
        ),
      () => submit(client, (o) => api.PeerDistClientStreamRead(instance, opened, length, buffer, timeout, o)),
      () => submit(client, (o) => api.PeerDistClientBlockRead(instance, opened, 0, null, 0, o), offset),
      () => submit(client, (o) => api.PeerDistClientFlushContent(instance, TAG, port, 4, o)),
      async () =>
        note(await api.PeerDistClientCancelAsyncOperation(instance, opened, among(busy)), "ClientCancel"),
      async () => note(await api.PeerDistClientCancelAsyncOperation(instance, opened), "ClientCancel"),
      async () => {
        const one = among(busy) ?? new Overlapped();
        note(await api.PeerDistServerCancelAsyncOperation(instance, id.length, id, one), "ServerCancel");
      },
      async () => note(await api.PeerDistClientCloseContent(instance, drop(contents)), "CloseContent"),
      () => submit(client, (o) => api.PeerDistRegisterForStatusChangeNotification(instance, port, 5, o, {})),
      async () => note(await api.PeerDistUnregisterForStatusChangeNotification(instance), "Unregister"),
    ];
    await among(actions)?.();
  }

  const underWay = new Set<Promise<void>>();
  let made = 0;
  while (made < calls) {
    made++;
    const at = randomInteger(random, 0, CLIENTS - 1);
    const client = clients[at]!;
    const one = step(client)
      .catch((error: unknown) => void faults.push(String(error)))
      .finally(() => underWay.delete(one));
    underWay.add(one);
    if (made % 500 === 0) {
      note(await client.caller.api.PeerDistShutdown(client.caller.instance), "Shutdown");
      clients[at] = await newClient();
    }
    if (made % 900 === 0) {
      world.branch.service.setStatus(among([PEERDIST_STATUS.DISABLED, PEERDIST_STATUS.UNAVAILABLE])!);
      await new Promise<void>((resolve) => setImmediate(resolve));
      world.branch.service.setStatus(PEERDIST_STATUS.AVAILABLE);
    }
    // What cannot go on waits for the time to pass.
    if (underWay.size >= UNDER_WAY || made % 50 === 0) await world.branch.clock.advance(500);
    while (underWay.size >= UNDER_WAY) await Promise.race([...underWay, world.branch.clock.advance(500)]);
    for (let packet = port.poll(); packet; packet = port.poll()) {
      const { overlapped, error } = packet;
      if (!overlapped || completed.has(overlapped)) faults.push(`completed twice, with ${error}`);
      else completed.add(overlapped);
      if (!OUTCOMES.has(error)) faults.push(`completed with ${error}`);
      outcomes.set(error, (outcomes.get(error) ?? 0) + 1);
    }
  }
  while (underWay.size > 0) await Promise.race([...underWay, world.branch.clock.advance(1_000)]);
  await world.close();
  for (let packet = port.poll(); packet; packet = port.poll()) {
    if (!packet.overlapped || completed.has(packet.overlapped)) faults.push("completed twice at the end");
    else completed.add(packet.overlapped);
  }
  for (let i = 0; i < 100 && connections() > before; i++)
    await new Promise((resolve) => setImmediate(resolve));
  if (connections() > before) faults.push(`${connections() - before} connections left open`);
  process.off("warning", onWarning);
  faults.push(...warnings);
  for (const one of accepted) if (!completed.has(one)) faults.push("accepted, and never completed");
  for (const one of completed) if (!accepted.has(one)) faults.push("completed, and never accepted");
  if (faults.length > 0)
    throw new Error(`${faults.length} faults: ${[...new Set(faults)].slice(0, 5).join("; ")}`);
  return { calls: made, accepted: accepted.size, completed: completed.size, outcomes };
}

/** Sockets and pipes of this process. */
function connections(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "PipeWrap" || name === "PipeServerWrap")
    .length;
}
