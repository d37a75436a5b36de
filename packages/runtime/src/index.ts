/** What every BranchCache package shares. No `node:` modules here: those stand behind `./node`. */
export { concatBytes, equalBytes, fromHex, toHex } from "./bytes.ts";
export {
  type CancelTimer,
  type Clock,
  type Deadline,
  isTimeout,
  makeClock,
  type TimerSource,
  timeoutReason,
} from "./clock.ts";
export {
  BranchCacheError,
  type BranchCacheErrorOptions,
  DecodeError,
  type DecodeErrorCode,
  type DecodeErrorDetails,
  EncodeError,
  errorCode,
  errorMessage,
} from "./errors.ts";
export { ByteReader, ByteWriter } from "./layout/cursor.ts";
export * from "./layout/layout.ts";
export {
  type DatagramHandler,
  type Endpoint,
  formatEndpoint,
  type HttpConnection,
  type HttpPort,
  type HttpPostOptions,
  type HttpPostResponse,
  type InterfaceAddress,
  parseEndpoint,
  type UdpOpenOptions,
  type UdpPort,
  type UdpSocket,
} from "./net.ts";
export {
  combineObservers,
  type EventFields,
  type EventLevel,
  type EventName,
  type MetricLabels,
  type MetricName,
  type Observer,
  silentObserver,
} from "./observer.ts";
export { type Random, randomFraction, randomInteger, randomUuid } from "./random.ts";
