/** The client alone, for programs that serve nothing: without it they would load the servers too. */

export { redactUrl } from "../redact-url.ts";
export { OriginError, type OriginErrorCode, type OriginErrorOptions } from "./client/errors.ts";
export type { OriginAnswer } from "./client/origin-answer.ts";
export {
  type OpenOptions,
  type OriginClient,
  type OriginClientOptions,
  originClient,
  type RequestOptions,
} from "./client/origin-client.ts";
export {
  type Dispatch,
  type InterceptedContent,
  type Interceptor,
  interceptedDispatcher,
  type PeerDistInterceptorOptions,
  peerDistInterceptor,
} from "./client/peerdist-interceptor.ts";
export type { RangeAnswer } from "./client/range-answer.ts";
export { compareValidators, ifRange, type Validator } from "./client/validator.ts";
