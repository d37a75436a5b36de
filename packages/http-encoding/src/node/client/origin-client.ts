/** The client's side of the coding: Content Information where the server has it, missing data by range. [MS-PCCRTP] 3.1 */
import type { ContentRange } from "@branchcache/content-info";
import { type Clock, type Observer, silentObserver, timeoutReason } from "@branchcache/runtime";
import type { buildConnector, Dispatcher } from "undici";
import {
  formatPeerDist,
  formatPeerDistEx,
  PEERDIST,
  VERSION_1_0,
  VERSION_1_1,
  VERSION_2_0,
  X_P2P_PEERDIST,
  X_P2P_PEERDIST_EX,
} from "../../peerdist-fields.ts";
import { undici } from "../undici.ts";
import { OriginError } from "./errors.ts";
import { type FollowOptions, follow } from "./follow.ts";
import { readOpenAnswer } from "./open-answer.ts";
import type { OriginAnswer } from "./origin-answer.ts";
import { type RangeAnswer, readRangeAnswer } from "./range-answer.ts";
import { ifRange, type Validator } from "./validator.ts";

/** How servers are reached, with time-outs in milliseconds, and bounds of what they may send. */
export interface OriginClientOptions {
  /** Times heads and bodies. */
  readonly clock: Clock;
  /** Receives `content_info.received`. Default: nobody. */
  readonly observer?: Observer;
  /** A pool or proxy of the caller's, who closes it. Default: an Agent of our own. */
  readonly dispatcher?: Dispatcher;
  /**
   * Whether our own Agent goes through the proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name. Default
   * false.
   */
  readonly proxyFromEnvironment?: boolean;
  /** Of our own Agent, not through proxies. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** From the request to the answer's head, connecting included; a hash request may wait. Default 30,000. */
  readonly headersTimeoutMs?: number;
  /** Between two pieces of a body. Default 30,000. */
  readonly idleTimeoutMs?: number;
  /** Default 10. */
  readonly maxRedirects?: number;
  /** Content Information over this is refused, whatever content it is for. Default 256 MiB. */
  readonly maxContentInformationBytes?: number;
}

/** What both kinds of request take. */
export interface RequestOptions {
  /** Ends request and body, which reject with its reason. */
  readonly signal?: AbortSignal;
  /** Added to ours; ours win. Credentials among them stay with the URL's own origin. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a request that offers the coding takes. */
export interface OpenOptions extends RequestOptions {
  /** Asks again, after an answer with `makeHashRequest`. */
  readonly hashRequest?: boolean;
  /** Highest version of Content Information. Default 2. */
  readonly versions?: 1 | 2;
  /** False: an ordinary GET, for instance after unusable Content Information. Default true. */
  readonly offer?: boolean;
}

/** Every failure is an `OriginError`, or the reason of the caller's signal. */
export interface OriginClient {
  /** GET offering the coding. */
  open(url: string, options?: OpenOptions): Promise<OriginAnswer>;
  /**
   * Data that peers could not supply: exactly the bytes of the range, or `changed` when the server no longer
   * has the representation that the validator names.
   */
  range(
    url: string,
    range: ContentRange,
    validator: Validator,
    options?: RequestOptions,
  ): Promise<RangeAnswer>;
  /** Drops what is under way; what is asked for afterwards fails with `BC_ORIGIN_CLOSED`. May be called twice. */
  close(): Promise<void>;
}

/**
 * A client of content servers, and of any other web server: these answer with content. Connects when first used;
 * the caller closes it, or says `await using`.
 */
export function originClient(options: OriginClientOptions): OriginClient & AsyncDisposable {
  const {
    clock,
    observer = silentObserver,
    connectTimeoutMs = 10_000,
    headersTimeoutMs = 30_000,
    idleTimeoutMs = 30_000,
    maxRedirects = 10,
    maxContentInformationBytes = 256 * 1_048_576,
  } = options;
  const dispatcher = options.dispatcher ?? ownDispatcher(options, connectTimeoutMs);
  const following: FollowOptions = { dispatcher, clock, headersTimeoutMs, idleTimeoutMs, maxRedirects };
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= options.dispatcher ? Promise.resolve() : dispatcher.destroy();
    return closed;
  };
  const requireOpen = (): void => {
    if (closed !== undefined)
      throw new OriginError("BC_ORIGIN_CLOSED", "the client of content servers was closed");
  };

  return {
    async open(url, { signal, headers = {}, hashRequest = false, versions = 2, offer = true } = {}) {
      requireOpen();
      const fields = offer ? offerFields(versions, hashRequest) : { "Accept-Encoding": "identity" };
      const followed = await follow(url, merge(headers, fields), following, signal);
      return readOpenAnswer(followed, { offered: offer, maxContentInformationBytes, observer });
    },
    async range(url, range, validator, { signal, headers = {} } = {}) {
      requireOpen();
      const guard = ifRange(validator);
      const fields = {
        // Never with the coding itself. [MS-PCCRTP] 2.2
        "Accept-Encoding": "identity",
        Range: `bytes=${range.startBytes}-${range.endBytes - 1}`,
        ...(guard !== undefined && { "If-Range": guard }),
        [X_P2P_PEERDIST]: formatPeerDist({ version: VERSION_1_1, missingDataRequest: true }),
      };
      const followed = await follow(url, merge(headers, fields), following, signal);
      return readRangeAnswer(followed, range, validator);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function ownDispatcher(options: OriginClientOptions, connectTimeoutMs: number): Dispatcher {
  const common = {
    connect: connectWithin(connectTimeoutMs, options.clock),
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  const { Agent, EnvHttpProxyAgent } = undici();
  return options.proxyFromEnvironment === true ? new EnvHttpProxyAgent(common) : new Agent(common);
}

/** What a request that offers the coding says. */
export function offerFields(versions: 1 | 2, hashRequest: boolean): Record<string, string> {
  return {
    "Accept-Encoding": `${PEERDIST}, identity`,
    [X_P2P_PEERDIST]: formatPeerDist({ version: VERSION_1_1 }),
    [X_P2P_PEERDIST_EX]: formatPeerDistEx({
      minContentInformation: VERSION_1_0,
      maxContentInformation: versions === 2 ? VERSION_2_0 : VERSION_1_0,
      ...(hashRequest && { hashRequest: true as const }),
    }),
  };
}

function merge(
  given: Readonly<Record<string, string>>,
  ours: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const taken = new Set(Object.keys(ours).map((name) => name.toLowerCase()));
  const kept = Object.entries(given).filter(([name]) => !taken.has(name.toLowerCase()));
  return { ...Object.fromEntries(kept), ...ours };
}

/** undici's connector, timed by our clock. */
function connectWithin(timeoutMs: number, clock: Clock): buildConnector.connector {
  const connect = undici().buildConnector({ timeout: 0 });
  return (options, callback) => {
    const cancel = clock.after(timeoutMs, () => socket?.destroy(timeoutReason(timeoutMs)));
    // It returns the socket, which its type does not say.
    const socket = connect(options, (...result: Parameters<buildConnector.Callback>) => {
      cancel();
      callback(...result);
    }) as unknown as { destroy(error: Error): void } | undefined;
  };
}
