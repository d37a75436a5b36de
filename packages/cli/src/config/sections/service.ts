/** The daemon itself: its sockets, metrics and log. */
import { z } from "zod";
import { defaultPaths } from "../../files/paths.ts";
import { choice, duration, listenAddress, onOff, path, setting } from "../declare.ts";

export const api = z
  .strictObject({
    socket: setting(
      path().prefault(() => defaultPaths().socket),
      { help: "Socket for local callers", takes: "restart", byPlatform: true },
    ),
    stop_timeout: setting(duration({ maxMs: 3_600_000 }).prefault("10s"), {
      help: "How long downloads and answers that run may go on when the daemon is told to stop; what is left then comes from elsewhere",
      takes: "live",
    }),
  })
  .prefault({});

export const control = z
  .strictObject({
    socket: setting(path().optional(), {
      help: "Socket for administration; beside that for local callers unless given",
      takes: "restart",
    }),
    group: setting(z.string().min(1).optional(), {
      help: "Group that may read status, statistics and events on it",
      takes: "restart",
    }),
  })
  .prefault({});

export const metrics = z
  .strictObject({
    enabled: setting(onOff().prefault(true), {
      help: "Serve metrics and the dashboard",
      takes: "live",
    }),
    listen: setting(listenAddress().prefault("127.0.0.1:9798"), {
      help: "Where metrics and the dashboard are served",
      takes: "live",
    }),
    allowed_hosts: setting(z.array(z.string().min(1)).prefault([]), {
      help: "Names besides the listening address and localhost under which they may be asked for",
      takes: "live",
    }),
  })
  .prefault({});

export const log = z
  .strictObject({
    level: setting(choice(["trace", "debug", "info", "warn", "error"]).prefault("info"), {
      help: "Least important events that are logged",
      takes: "live",
    }),
    format: setting(choice(["auto", "json", "text"]).prefault("auto"), {
      help: "How events are logged; auto: text on a terminal, else json",
      takes: "live",
    }),
  })
  .prefault({});
