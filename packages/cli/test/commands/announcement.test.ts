import { describe, expect, it } from "vitest";
import { announcementText, computerDnOf } from "../../src/commands/hosted/announcement.ts";

describe("the announcement", () => {
  it("has LDIF, policy values and a DNS record, and says what is not tested", () => {
    const text = announcementText({ host: "cache.branch.example", httpPort: 8080, httpsPort: 8443 });
    for (const part of [
      "dn: CN=BranchCacheHostedCache,CN=CACHE,CN=Computers,DC=branch,DC=example",
      "objectClass: serviceConnectionPoint",
      "serviceBindingInformation: HTTP:8080",
      "Untested with Windows",
      "HttpConnectPort = 8080, ConnectPort = 8443",
      "_branchcache._tcp.branch.example. 3600 IN SRV 10 100 8080 cache.branch.example.",
    ]) {
      expect(text).toContain(part);
    }
    const outside = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(
      outside.every((line) => /^[A-Za-z]+: /.test(line)),
      "LDIF alone is no comment",
    ).toEqual(true);
  });

  it("says so where the host has no full name, and nowhere else", () => {
    const [bare = "", full = ""] = ["cache", "cache.branch.example"].map((host) =>
      announcementText({ host, httpPort: 80, httpsPort: 443 }),
    );
    expect(bare).toMatch(/^# cache is no full name/);
    expect(bare).toContain("_branchcache._tcp.example.com. 3600 IN SRV 10 100 80 cache.example.com.");
    expect(full).not.toContain("no full name");
  });

  it("escapes what means something in a name", () => {
    expect(computerDnOf("a,b.branch.example")).toEqual("CN=A\\,B,CN=Computers,DC=branch,DC=example");
  });
});
