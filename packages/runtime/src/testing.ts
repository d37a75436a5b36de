/** Fakes for tests, shipped with the package: a hand-driven clock, a seeded link, HTTP without sockets. */
export { type ManualClock, manualClock } from "./testing/manual-clock.ts";
export { type MemoryHttp, type MemoryHttpHandler, memoryHttp } from "./testing/memory-http.ts";
export { seededRandom } from "./testing/random.ts";
export {
  type RecordedEvent,
  type RecordingObserver,
  recordingObserver,
} from "./testing/recording-observer.ts";
export { type SimulatedLan, type SimulatedLanOptions, simulatedLan } from "./testing/simulated-lan.ts";
