/** For tests: hosted content on order, and client and server without sockets. */
export { type FakeContent, fakeContent } from "./testing/fake-content.ts";
export { memoryOfferTransport } from "./testing/memory-transport.ts";
