import { expect, it } from "vitest";
import { redactUrl } from "../src/redact-url.ts";

it.each([
  ["http://user:secret@origin.example/file?token=1", "http://origin.example/file"],
  ["https://host:8443/a%20b#part", "https://host:8443/a%20b"],
  ["nonsense", "(malformed URL)"],
])("%s is shown as %s", (url, shown) => {
  expect(redactUrl(url)).toBe(shown);
});
