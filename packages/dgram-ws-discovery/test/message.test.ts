import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type DiscoveryMessage, readMessage, writeMessage } from "../src/index.ts";
import vectors from "./vectors/messages.json" with { type: "json" };

const prefixes = { ex: "http://example.org/printing" };

describe("worked examples", () => {
  it.each(Object.entries(vectors.messages))("%s is read and written byte for byte", (kind, vector) => {
    const bytes = new TextEncoder().encode(vector.xml);
    expect(bytes.length).toBe(vector.bytes);
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(vector.sha256);
    const message: DiscoveryMessage = readMessage(bytes);
    expect(message.kind).toBe(kind);
    expect(new TextDecoder().decode(writeMessage(message, { prefixes }))).toBe(vector.xml);
  });
});
