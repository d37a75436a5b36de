/** Content Information: what is asked for, and what this machine's own content server gives. */
import { z } from "zod";
import { defaultPaths } from "../../files/paths.ts";
import { duration, listenAddress, onOff, path, setting, size } from "../declare.ts";

const version = () => z.union([z.literal(1), z.literal(2)], "must be 1 or 2");

export const contentInfo = z
  .strictObject({
    preferred: setting(version().prefault(2), {
      help: "Highest version of Content Information to ask for: 2, or 1 to share with Windows 7",
      takes: "live",
      windows: "Enable-BCDowngrading, Disable-BCDowngrading",
    }),
  })
  .prefault({});

export const contentServer = z
  .strictObject({
    enabled: setting(onOff().prefault(false), {
      help: "Run a content server in the daemon, for `root` or in front of `origin`",
      takes: "live",
      windows: "IIS with the BranchCache feature",
    }),
    listen: setting(listenAddress().prefault("8080"), {
      help: "Where the content server listens",
      takes: "live",
    }),
    root: setting(path().optional(), { help: "Directory that the content server serves", takes: "live" }),
    origin: setting(z.url({ protocol: /^https?$/, error: "must be an http or https URL" }).optional(), {
      help: "Web server that the content server stands in front of",
      takes: "live",
    }),
    versions: setting(z.array(version()).min(1).prefault([1, 2]), {
      help: "Versions of Content Information that the content server makes and sends",
      takes: "live",
      windows: "policy Hash Version support for BranchCache",
    }),
    min_size: setting(size().prefault("128KiB"), {
      help: "Smaller content is always sent plain: it is there before peers are found",
      takes: "live",
    }),
    secret_file: setting(
      path().prefault(() => defaultPaths().secretFile),
      {
        help: "The content server's secret; made at first use, mode 0600",
        takes: "restart",
        byPlatform: true,
        windows: String.raw`Set-BCSecretKey; SecurityManager\Restricted Seed`,
      },
    ),
  })
  .prefault({});

export const client = z
  .strictObject({
    read_timeout: setting(duration({ minMs: 1 }).prefault("5s"), {
      help: "How long a read waits for the branch before the origin is asked",
      takes: "live",
    }),
  })
  .prefault({});
