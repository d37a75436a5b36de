import { describe, expect, it } from "vitest";
import { isAllowedHost } from "../../src/web/host-check.ts";
import { html } from "../../src/web/html.ts";

describe("the Host header", () => {
  it.each([
    ["127.0.0.1:9798", true],
    ["10.1.2.3", true],
    ["localhost:9798", true],
    ["LOCALHOST", true],
    ["[::1]:9798", true],
    ["[fe80::1]", true],
    ["node.branch.example:9798", true],
    ["evil.example", false],
    ["localhost.evil.example", false],
    ["127.0.0.1.evil.example", false],
    ["[evil]", false],
    ["::1", false],
    ["", false],
    [undefined, false],
  ])("%s: %s", (host, allowed) => {
    expect(isAllowedHost(host, ["node.branch.example"])).toBe(allowed);
  });
});

describe("HTML", () => {
  it("takes what is put in as text, unless it is HTML itself", () => {
    expect(html`<p>${"<b>&\"'"} ${html`<i>${1}</i>`} ${[html`x`, "<"]}${undefined}</p>`.text).toBe(
      "<p>&lt;b&gt;&amp;&quot;&#39; <i>1</i> x&lt;</p>",
    );
  });
});
