/** All settings of the daemon and the command, under the names of the documentation. */
import { z } from "zod";
import { cache } from "./sections/cache.ts";
import { client, contentInfo, contentServer } from "./sections/content.ts";
import { hostedClient, hostedServer } from "./sections/hosted.ts";
import { discovery, mode, peer } from "./sections/peer.ts";
import { api, control, log, metrics } from "./sections/service.ts";

export type { Mode } from "./sections/peer.ts";

export const settingsSchema = z.strictObject({
  mode,
  peer,
  discovery,
  cache,
  content_info: contentInfo,
  content_server: contentServer,
  client,
  hosted_client: hostedClient,
  hosted_server: hostedServer,
  api,
  control,
  metrics,
  log,
});

/** As read: times in milliseconds, sizes in bytes. */
export type Settings = z.output<typeof settingsSchema>;
