/** What is kept, where, how much and for how long. */
import { z } from "zod";
import { defaultPaths } from "../../files/paths.ts";
import { choice, duration, onOff, path, percent, setting, size } from "../declare.ts";

const extension = z.strictObject({
  path: path(),
  max_percent: percent().optional(),
  max_bytes: size().optional(),
});

const data = z
  .strictObject({
    path: setting(
      path().prefault(() => defaultPaths().cacheDir),
      {
        help: "Directory of blocks and hashes",
        takes: "restart",
        byPlatform: true,
        windows: "Set-BCCache -MoveTo",
      },
    ),
    max_percent: setting(percent().optional(), {
      help: "Most that blocks may take, of the volume; 5 unless `cache set` said otherwise",
      takes: "live",
      windows: "Set-BCCache -Percentage; CacheMgr\\Republication",
    }),
    max_bytes: setting(size().optional(), {
      help: "Most that blocks may take; wins over max_percent",
      takes: "live",
      windows: "Set-BCCache -SizeBytes",
    }),
    secrets_path: setting(path().optional(), {
      help: "Directory of the segment secrets, kept apart from the blocks; `secrets` beside them unless given",
      takes: "restart",
    }),
  })
  .prefault({});

const hash = z
  .strictObject({
    max_percent: setting(percent().optional(), {
      help: "Most that hashes may take, of the volume; 1 unless `cache set` said otherwise",
      takes: "live",
      windows: "netsh branchcache set publicationcachesize",
    }),
    max_bytes: setting(size().optional(), {
      help: "Most that hashes may take; wins over max_percent",
      takes: "live",
      windows: "netsh branchcache set publicationcachesize",
    }),
  })
  .prefault({});

const redis = z
  .strictObject({
    nodes: setting(
      z.array(z.string().regex(/^.+:\d{1,5}$/, "must be host:port"), "must be host:port").prefault([]),
      {
        help: "host:port of nodes of the cluster; one is enough to find the others",
        takes: "restart",
      },
    ),
    username: setting(z.string().min(1).optional(), {
      help: "User of the cluster",
      takes: "restart",
    }),
    password_file: setting(path().optional(), {
      help: "File with the password of the cluster",
      takes: "restart",
    }),
    tls: setting(onOff().prefault(false), {
      help: "Speak TLS to the cluster",
      takes: "restart",
    }),
    prefix: setting(z.string().min(1).prefault("branchcache"), {
      help: "What the names of all keys in the cluster begin with",
      takes: "restart",
    }),
    deadline: setting(duration({ minMs: 1, maxMs: 60_000 }).prefault("500ms"), {
      help: "How long the cluster may take before a read counts as a miss",
      takes: "restart",
    }),
  })
  .prefault({});

export const cache = z
  .strictObject({
    store: setting(choice(["lmdb", "redis"]).prefault("lmdb"), {
      help: "lmdb: on a disk of this machine; redis: a cluster that speaks its protocol, shared by several machines",
      takes: "restart",
    }),
    data,
    hash,
    redis,
    extensions: setting(z.array(extension).prefault([]), {
      help: "More directories for blocks, perhaps on other volumes: each with path, and max_percent or max_bytes. Added when the daemon starts; `cache remove --dir` takes out what is no longer named",
      takes: "restart",
      windows: "Add-BCDataCacheExtension",
    }),
    max_age: setting(duration().optional(), {
      help: "How long segments are kept, 0s for ever; 28d unless `cache set` said otherwise",
      takes: "live",
      windows: "Set-BCDataCacheEntryMaxAge; Retrieval SegmentTTL",
    }),
  })
  .prefault({});
