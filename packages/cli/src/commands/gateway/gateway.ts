import { createGateway, type ForwardedMode } from "@branchcache/http-encoding/node";
import { type ContentServiceOptions, runContentService } from "../serve/content-service.ts";

export interface GatewayCommandOptions extends ContentServiceOptions {
  readonly origin: string;
  readonly hostHeader?: "client" | "origin";
  readonly forwarded: ForwardedMode;
  readonly originTimeout: number;
}

export async function runGateway(options: GatewayCommandOptions): Promise<void> {
  const { origin, hostHeader, forwarded, originTimeout } = options;
  await runContentService(options, { origin }, (settings, pool) =>
    createGateway({
      ...settings,
      origin,
      ...(hostHeader && { hostHeader }),
      forwarded,
      originTimeoutMs: originTimeout,
      hashStream: (source, signal) => pool.publishStream(source, { signal }),
    }),
  );
}
