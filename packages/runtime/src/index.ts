/** What every BranchCache package shares. No `node:` modules here: those stand behind `./node`. */
export { requireNumber, requireOneOf } from "./arguments.ts";
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
export { bytes, type SizedBytesOptions, sizedBytes } from "./layout/byte-fields.ts";
export { ByteReader, ByteWriter } from "./layout/cursor.ts";
export { type Decoded, type DecodeOptions, decode, encode, type Layout } from "./layout/layout.ts";
export { items, type ListOptions, list } from "./layout/list.ts";
export { u8, u16be, u16le, u24le, u32be, u32le, u64be, u64le } from "./layout/numbers.ts";
export { constant, mapped, oneOf, refine } from "./layout/rules.ts";
export {
  type AnyLayout,
  type DependentLayout,
  type FieldLayouts,
  type FieldValue,
  type StructValue,
  struct,
} from "./layout/struct.ts";
export { enqueueMicrotask } from "./microtask.ts";
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
  plainAddress,
  type UdpOpenOptions,
  type UdpPort,
  type UdpSocket,
  withoutZone,
} from "./net.ts";
export { setNewest } from "./newest.ts";
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
