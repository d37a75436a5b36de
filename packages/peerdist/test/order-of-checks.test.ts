/** Every function against every kind of bad argument, in the order in which they are looked at. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type Out,
  Overlapped,
  type PEERDIST_CONTENT_HANDLE,
  type PEERDIST_CONTENTINFO_HANDLE,
  type PEERDIST_INSTANCE_HANDLE,
  PEERDIST_STATUS,
  type PEERDIST_STREAM_HANDLE,
  type PeerDistFunctions,
} from "../src/index.ts";
import { type Caller, TAG, World } from "./support/caller.ts";
import { transports } from "./support/transports.ts";

type Kind = "stream" | "contentinfo" | "content";
type Handles = Record<Kind, unknown>;

interface FunctionUnderTest {
  readonly name: keyof PeerDistFunctions;
  /** The handle that it works on. */
  readonly kind?: Kind;
  /** Answers whatever the state of the service. */
  readonly always?: true;
  call(api: PeerDistFunctions, instance: unknown, handle: unknown): Promise<number>;
  /** With an argument that no state of anything makes right. */
  readonly wrong: readonly ((
    api: PeerDistFunctions,
    instance: unknown,
    handle: unknown,
  ) => Promise<number>)[];
}

const id = Uint8Array.of(1, 2, 3);
const long = new Uint8Array(65_536);
const buffer = new Uint8Array(10);
const info = () => ({ cbSize: 16, status: 0 as PEERDIST_STATUS, dwMinVer: 0, dwMaxVer: 0 });
const options = { cbSize: 16, dwContentInfoMinVersion: 1, dwContentInfoMaxVersion: 2, dwReserved: 0 };
const fresh = () => new Overlapped();
const none = null as never;
const identifiers = [
  [0, new Uint8Array(0)],
  [65_536, long],
  [4, id],
  [3, none],
] as const;

const instanceOf = (value: unknown) => value as PEERDIST_INSTANCE_HANDLE;
const streamOf = (value: unknown) => value as PEERDIST_STREAM_HANDLE;
const infoOf = (value: unknown) => value as PEERDIST_CONTENTINFO_HANDLE;
const contentOf = (value: unknown) => value as PEERDIST_CONTENT_HANDLE;

/** `make` with its good arguments, and with each of the bad buffers. */
function withBuffer(
  make: (cb: number, p: Uint8Array, o: Overlapped) => FunctionUnderTest["call"],
): Pick<FunctionUnderTest, "call" | "wrong"> {
  const bad = [
    [0, buffer],
    [11, buffer],
    [10, none],
    [-1, buffer],
    [2 ** 32, buffer],
  ] as const;
  return {
    call: (api, instance, handle) => make(10, buffer, fresh())(api, instance, handle),
    wrong: [
      ...bad.map(([cb, p]) => make(cb, p, fresh())),
      make(10, buffer, none),
      make(10, buffer, {} as never),
    ],
  };
}

function withIdentifier(
  make: (cb: number, p: Uint8Array) => FunctionUnderTest["call"],
): Pick<FunctionUnderTest, "call" | "wrong"> {
  return { call: make(3, id), wrong: identifiers.map(([cb, p]) => make(cb, p)) };
}

const publish = withIdentifier(
  (cb, p) => (api, h) => api.PeerDistServerPublishStream(instanceOf(h), cb, p, 0n, null, null, 0, {}),
);
const openInfo = withIdentifier(
  (cb, p) => (api, h) => api.PeerDistServerOpenContentInformation(instanceOf(h), cb, p, 0n, 0n, null, 0, {}),
);
const openInfoEx = withIdentifier(
  (cb, p) => (api, h) =>
    api.PeerDistServerOpenContentInformationEx(instanceOf(h), cb, p, 0n, 0n, options, null, 0, {}),
);

const functions: readonly FunctionUnderTest[] = [
  {
    name: "PeerDistShutdown",
    always: true,
    call: (api, h) => api.PeerDistShutdown(instanceOf(h)),
    wrong: [],
  },
  {
    name: "PeerDistGetStatus",
    always: true,
    call: (api, h) => api.PeerDistGetStatus(instanceOf(h), {}),
    wrong: [(api, h) => api.PeerDistGetStatus(instanceOf(h), none)],
  },
  {
    name: "PeerDistGetStatusEx",
    always: true,
    call: (api, h) => api.PeerDistGetStatusEx(instanceOf(h), info()),
    wrong: [
      (api, h) => api.PeerDistGetStatusEx(instanceOf(h), none),
      (api, h) => api.PeerDistGetStatusEx(instanceOf(h), { ...info(), cbSize: 15 }),
    ],
  },
  {
    name: "PeerDistRegisterForStatusChangeNotification",
    always: true,
    call: (api, h) => api.PeerDistRegisterForStatusChangeNotification(instanceOf(h), null, 0, fresh(), {}),
    wrong: [
      (api, h) => api.PeerDistRegisterForStatusChangeNotification(instanceOf(h), null, 0, none, {}),
      (api, h) => api.PeerDistRegisterForStatusChangeNotification(instanceOf(h), null, 0, fresh(), none),
      (api, h) => api.PeerDistRegisterForStatusChangeNotification(instanceOf(h), {} as never, 0, fresh(), {}),
    ],
  },
  {
    name: "PeerDistRegisterForStatusChangeNotificationEx",
    always: true,
    call: (api, h) =>
      api.PeerDistRegisterForStatusChangeNotificationEx(instanceOf(h), null, 0, fresh(), info()),
    wrong: [
      (api, h) => api.PeerDistRegisterForStatusChangeNotificationEx(instanceOf(h), null, 0, none, info()),
      (api, h) => api.PeerDistRegisterForStatusChangeNotificationEx(instanceOf(h), null, 0, fresh(), none),
    ],
  },
  {
    name: "PeerDistUnregisterForStatusChangeNotification",
    always: true,
    call: (api, h) => api.PeerDistUnregisterForStatusChangeNotification(instanceOf(h)),
    wrong: [],
  },
  {
    name: "PeerDistServerPublishStream",
    ...publish,
    wrong: [
      ...publish.wrong,
      (api, h) => api.PeerDistServerPublishStream(instanceOf(h), 3, id, -1n, null, null, 0, {}),
      (api, h) => api.PeerDistServerPublishStream(instanceOf(h), 3, id, 2n ** 64n, null, null, 0, {}),
      (api, h) => api.PeerDistServerPublishStream(instanceOf(h), 3, id, 0n, null, {} as never, 0, {}),
      (api, h) => api.PeerDistServerPublishStream(instanceOf(h), 3, id, 0n, null, null, 0, none),
    ],
  },
  {
    name: "PeerDistServerPublishAddToStream",
    kind: "stream",
    ...withBuffer(
      (cb, p, o) => (api, h, s) => api.PeerDistServerPublishAddToStream(instanceOf(h), streamOf(s), cb, p, o),
    ),
  },
  {
    name: "PeerDistServerPublishCompleteStream",
    kind: "stream",
    call: (api, h, s) => api.PeerDistServerPublishCompleteStream(instanceOf(h), streamOf(s), fresh()),
    wrong: [(api, h, s) => api.PeerDistServerPublishCompleteStream(instanceOf(h), streamOf(s), none)],
  },
  {
    name: "PeerDistServerCloseStreamHandle",
    kind: "stream",
    always: true,
    call: (api, h, s) => api.PeerDistServerCloseStreamHandle(instanceOf(h), streamOf(s)),
    wrong: [],
  },
  {
    name: "PeerDistServerUnpublish",
    ...withIdentifier((cb, p) => (api, h) => api.PeerDistServerUnpublish(instanceOf(h), cb, p)),
  },
  {
    name: "PeerDistServerOpenContentInformation",
    ...openInfo,
    wrong: [
      ...openInfo.wrong,
      (api, h) => api.PeerDistServerOpenContentInformation(instanceOf(h), 3, id, -1n, 0n, null, 0, {}),
      (api, h) => api.PeerDistServerOpenContentInformation(instanceOf(h), 3, id, 0n, 0n, null, 0, none),
    ],
  },
  {
    name: "PeerDistServerOpenContentInformationEx",
    ...openInfoEx,
    wrong: [
      ...openInfoEx.wrong,
      ...[
        null,
        { ...options, cbSize: 8 },
        { ...options, dwReserved: 1 },
        { ...options, dwContentInfoMinVersion: 0 },
        { ...options, dwContentInfoMinVersion: 3 },
      ].map(
        (wrong): FunctionUnderTest["call"] =>
          (api, h) =>
            api.PeerDistServerOpenContentInformationEx(
              instanceOf(h),
              3,
              id,
              0n,
              0n,
              wrong as never,
              null,
              0,
              {},
            ),
      ),
    ],
  },
  {
    name: "PeerDistServerRetrieveContentInformation",
    kind: "contentinfo",
    ...withBuffer(
      (cb, p, o) => (api, h, i) =>
        api.PeerDistServerRetrieveContentInformation(instanceOf(h), infoOf(i), cb, p, o),
    ),
  },
  {
    name: "PeerDistServerCloseContentInformation",
    kind: "contentinfo",
    always: true,
    call: (api, h, i) => api.PeerDistServerCloseContentInformation(instanceOf(h), infoOf(i)),
    wrong: [],
  },
  {
    name: "PeerDistServerCancelAsyncOperation",
    always: true,
    ...withIdentifier(
      (cb, p) => (api, h) => api.PeerDistServerCancelAsyncOperation(instanceOf(h), cb, p, fresh()),
    ),
  },
  {
    name: "PeerDistClientOpenContent",
    call: (api, h) => api.PeerDistClientOpenContent(instanceOf(h), TAG, null, 0, {}),
    wrong: [
      (api, h) => api.PeerDistClientOpenContent(instanceOf(h), none, null, 0, {}),
      (api, h) => api.PeerDistClientOpenContent(instanceOf(h), { Data: id }, null, 0, {}),
      (api, h) => api.PeerDistClientOpenContent(instanceOf(h), TAG, {} as never, 0, {}),
      (api, h) => api.PeerDistClientOpenContent(instanceOf(h), TAG, null, 0, none),
    ],
  },
  {
    name: "PeerDistClientCloseContent",
    kind: "content",
    always: true,
    call: (api, h, c) => api.PeerDistClientCloseContent(instanceOf(h), contentOf(c)),
    wrong: [],
  },
  {
    name: "PeerDistClientAddContentInformation",
    kind: "content",
    ...withBuffer(
      (cb, p, o) => (api, h, c) =>
        api.PeerDistClientAddContentInformation(instanceOf(h), contentOf(c), cb, p, o),
    ),
  },
  {
    name: "PeerDistClientCompleteContentInformation",
    kind: "content",
    call: (api, h, c) => api.PeerDistClientCompleteContentInformation(instanceOf(h), contentOf(c), fresh()),
    wrong: [(api, h, c) => api.PeerDistClientCompleteContentInformation(instanceOf(h), contentOf(c), none)],
  },
  {
    name: "PeerDistClientAddData",
    kind: "content",
    ...withBuffer(
      (cb, p, o) => (api, h, c) => api.PeerDistClientAddData(instanceOf(h), contentOf(c), cb, p, o),
    ),
  },
  ...(["PeerDistClientBlockRead", "PeerDistClientStreamRead"] as const).map(
    (name): FunctionUnderTest => ({
      name,
      kind: "content",
      call: (api, h, c) => api[name](instanceOf(h), contentOf(c), 10, buffer, 0, fresh()),
      wrong: [
        (api, h, c) => api[name](instanceOf(h), contentOf(c), 11, buffer, 0, fresh()),
        (api, h, c) => api[name](instanceOf(h), contentOf(c), 10, null, 0, fresh()),
        (api, h, c) => api[name](instanceOf(h), contentOf(c), 10, buffer, 0xffff_ffff, fresh()),
        (api, h, c) => api[name](instanceOf(h), contentOf(c), 10, buffer, 0, none),
      ],
    }),
  ),
  {
    name: "PeerDistClientFlushContent",
    call: (api, h) => api.PeerDistClientFlushContent(instanceOf(h), TAG, null, 0, fresh()),
    wrong: [
      (api, h) => api.PeerDistClientFlushContent(instanceOf(h), { Data: id }, null, 0, fresh()),
      (api, h) => api.PeerDistClientFlushContent(instanceOf(h), TAG, {} as never, 0, fresh()),
      (api, h) => api.PeerDistClientFlushContent(instanceOf(h), TAG, null, 0, none),
    ],
  },
  {
    name: "PeerDistClientCancelAsyncOperation",
    kind: "content",
    call: (api, h, c) => api.PeerDistClientCancelAsyncOperation(instanceOf(h), contentOf(c), null),
    wrong: [(api, h, c) => api.PeerDistClientCancelAsyncOperation(instanceOf(h), contentOf(c), {} as never)],
  },
  {
    name: "PeerDistClientGetInformationByHandle",
    kind: "content",
    call: (api, h, c) => api.PeerDistClientGetInformationByHandle(instanceOf(h), contentOf(c), 0, 10, buffer),
    wrong: [
      (api, h, c) => api.PeerDistClientGetInformationByHandle(instanceOf(h), contentOf(c), 1, 10, buffer),
      (api, h, c) => api.PeerDistClientGetInformationByHandle(instanceOf(h), contentOf(c), 0, 3, buffer),
      (api, h, c) => api.PeerDistClientGetInformationByHandle(instanceOf(h), contentOf(c), 0, 10, none),
    ],
  },
];

it("all functions are looked at, but those that take no instance", () => {
  expect(functions.map(({ name }) => name).sort()).toHaveLength(26);
  expect(new Set(functions.map(({ name }) => name)).size).toBe(26);
});

describe.each(transports)("order of checks, $name", (transport) => {
  let world: World;
  let caller: Caller;
  let api: PeerDistFunctions;

  beforeEach(async () => {
    world = await World.start(transport);
    caller = await world.caller();
    ({ api } = caller);
  });

  afterEach(() => world.close());

  let name = 0;
  async function handlesOf(one: Caller): Promise<Handles> {
    const published = `published ${++name}`;
    await one.publish(published);
    return {
      stream: (await one.publishStream(`open ${++name}`)).handle,
      contentinfo: (await one.openInformation(published)).handle,
      content: await one.openContent(),
    };
  }

  const of = (handles: Handles, { kind }: FunctionUnderTest) => (kind ? handles[kind] : undefined);

  it("API-1 API-29 API-41 API-42 parameters come before the instance, the instance before the handle", async () => {
    const gone: Out<PEERDIST_INSTANCE_HANDLE> = {};
    await api.PeerDistStartup(1, gone);
    await api.PeerDistShutdown(gone.value);
    const handles = await handlesOf(caller);
    for (const one of functions) {
      for (const [i, wrong] of one.wrong.entries()) {
        const codes = [await wrong(api, null, null), await wrong(api, caller.instance, of(handles, one))];
        expect([one.name, i, ...codes]).toEqual([one.name, i, 87, 87]);
      }
      for (const never of [null, undefined, {}, 7, handles.content, gone.value]) {
        expect([one.name, await one.call(api, never, null)]).toEqual([one.name, 6]);
      }
    }
  });

  it("API-37 API-39 API-41 API-42 handles of another kind, of another instance, closed ones and none are invalid", async () => {
    const other = await world.caller();
    const [handles, foreign, closed] = [
      await handlesOf(caller),
      await handlesOf(other),
      await handlesOf(caller),
    ];
    await api.PeerDistServerCloseStreamHandle(caller.instance, streamOf(closed.stream));
    await api.PeerDistServerCloseContentInformation(caller.instance, infoOf(closed.contentinfo));
    await api.PeerDistClientCloseContent(caller.instance, contentOf(closed.content));
    for (const one of functions) {
      const { kind } = one;
      if (!kind) continue;
      const kinds = ["stream", "contentinfo", "content"] as const;
      const others = kinds.filter((each) => each !== kind).map((each) => handles[each]);
      for (const wrong of [null, undefined, {}, caller.instance, foreign[kind], closed[kind], ...others]) {
        expect([one.name, await one.call(api, caller.instance, wrong)]).toEqual([one.name, 6]);
      }
    }
    for (const one of functions.filter(({ kind, always }) => kind && !always)) {
      // What they were refused for is not the handle, nor has it hurt it.
      expect([6, 87, 4057]).not.toContain(await one.call(api, caller.instance, of(handles, one)));
      await expect.poll(() => world.branch.service.counts.operations).toBe(0);
    }
  });

  it.each([
    { status: PEERDIST_STATUS.DISABLED, refused: 1260 },
    { status: PEERDIST_STATUS.UNAVAILABLE, refused: 4065 },
  ])(
    "API-27 API-71 with status $status old handles get 4057, and what needs none $refused",
    async ({ status, refused }) => {
      const handles = await handlesOf(caller);
      world.branch.service.setStatus(status);
      for (const one of functions) {
        if (one.always) continue;
        const code = await one.call(api, caller.instance, of(handles, one));
        expect([one.name, code]).toEqual([one.name, one.kind ? 4057 : refused]);
      }
      for (const { always, kind, name, call } of functions) {
        if (!always || !kind) continue;
        expect([name, await call(api, caller.instance, handles[kind])]).toEqual([name, 0]);
      }
    },
  );
});
