/** The daemon's side of the socket for administration. */
import { chown, readFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { clearSocketPlace, FrameReader, FrameWriter, socketError } from "@branchcache/peer-node/socket";
import { BranchCacheError, errorCode, errorMessage } from "@branchcache/runtime";
import { SettingError } from "../config/setting-error.ts";
import {
  CONTROL_VERSION,
  type ControlAnswer,
  type ControlRequest,
  checkControlRequest,
  type Rights,
} from "./protocol.ts";
import { type ControlToken, makeToken, tokenFile } from "./token.ts";

export interface ControlCall {
  readonly params: unknown;
  /** Aborts when the caller has disconnected. */
  readonly signal: AbortSignal;
  /** One more item of a stream; resolves when there is room for the next. */
  send(item: unknown): Promise<void>;
}

export interface ControlMethod {
  /** What a caller needs; `read`: members of `control.group` may call it too. */
  readonly rights: Rights;
  run(call: ControlCall): unknown;
}

export interface ControlServerOptions {
  readonly path: string;
  /** Name of a group that may connect; none but root and the service's user otherwise. */
  readonly group?: string | undefined;
  readonly methods: Readonly<Record<string, ControlMethod>>;
}

export interface ControlServer {
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 64;

/** Errors: `BC_CONTROL_IN_USE`, `BC_LISTEN_FAILED`, `BC_CONFIG` for a group that is none. */
export async function serveControl(options: ControlServerOptions): Promise<ControlServer> {
  const { path, group, methods } = options;
  const file = tokenFile(path);
  if (file !== undefined) {
    await clearSocketPlace(path, { inUseCode: "BC_CONTROL_IN_USE", setting: "control.socket" });
  }
  const token =
    file === undefined
      ? undefined
      : await makeToken(file).catch((error: unknown) => {
          throw socketError(path, "control.socket", error);
        });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    serveConnection(socket, methods, token);
  });
  server.maxConnections = CONNECTIONS_MAX;
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
    await token?.remove();
  };
  const umask = process.umask(group === undefined ? 0o177 : 0o117);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, () => resolve());
    });
  } catch (error) {
    await token?.remove();
    throw socketError(path, "control.socket", error);
  } finally {
    process.umask(umask);
  }
  if (group !== undefined && process.platform !== "win32") {
    try {
      await chown(path, process.getuid?.() ?? 0, await groupId(group));
    } catch (error) {
      await close();
      throw groupError(error);
    }
  }
  return { close };
}

function serveConnection(
  socket: Socket,
  methods: ControlServerOptions["methods"],
  token: ControlToken | undefined,
): void {
  const writer = new FrameWriter<ControlAnswer>(socket);
  const gone = new AbortController();
  let rights: Rights | undefined;
  socket.on("close", () => gone.abort(new BranchCacheError("BC_CLOSED", "the caller is gone")));
  socket.on("error", () => socket.destroy());
  const take = (request: ControlRequest) => {
    if (request.op === "hello") {
      rights = token === undefined || token.matches(request.token) ? "full" : "read";
      void writer.write({ op: "hello", protocol: CONTROL_VERSION, rights });
    } else if (rights === undefined) socket.destroy();
    else void answer(request, rights, { methods, writer, signal: gone.signal });
  };
  const frames = new FrameReader((message) => take(checkControlRequest(message)));
  socket.on("data", (chunk) => {
    try {
      frames.push(chunk);
    } catch {
      // A caller that does not speak this protocol would not understand an answer.
      socket.destroy();
    }
  });
}

async function answer(
  { id, method: name, params }: Extract<ControlRequest, { readonly op: "request" }>,
  rights: Rights,
  {
    methods,
    writer,
    signal,
  }: {
    readonly methods: ControlServerOptions["methods"];
    readonly writer: FrameWriter<ControlAnswer>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  try {
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
    if (!method)
      throw new BranchCacheError(
        "BC_CONTROL_METHOD",
        `this daemon has no method ${name}: it is of another version than this command`,
      );
    if (method.rights === "full" && rights !== "full") {
      throw new BranchCacheError("BC_DENIED", `${name} is for root and the service's own user`);
    }
    const send = async (item: unknown) => writer.write({ op: "item", id, item });
    const result = await method.run({ params, signal, send });
    await writer.write({ op: "answer", id, result: result ?? null });
  } catch (error) {
    await writer.write({
      op: "error",
      id,
      code: errorCode(error) ?? "BC_INTERNAL",
      message: errorMessage(error),
    });
  }
}

/** The id of a group in /etc/group; one of a directory service has to be given by number. Errors: `BC_CONFIG`. */
export async function groupId(name: string): Promise<number> {
  if (/^\d+$/.test(name)) return Number(name);
  for (const line of (await readFile("/etc/group", "utf8")).split("\n")) {
    const [group, , id] = line.split(":");
    if (group === name && id !== undefined) return Number(id);
  }
  throw groupError(new Error(`there is no group ${name}`));
}

function groupError(cause: unknown): SettingError {
  if (cause instanceof SettingError) return cause;
  return new SettingError("BC_CONFIG", {
    setting: "control.group",
    fault: errorMessage(cause),
    cure: "create the group (groupadd) and put the daemon's user into it, or give its number",
    cause,
  });
}
