import { describe, expect, it } from "vitest";
import { matchesProbe, type Probe, VERSIONS } from "../../src/index.ts";
import { PRINTER, SCANNER } from "../support.ts";

const WSD = VERSIONS["2005/04"].discovery;
const WSD11 = VERSIONS["2009/01"].discovery;

describe("scopes", () => {
  const site = "http://example.org/site";
  it.each([
    [site, "http://example.org/site/floor-2", true],
    [site, "HTTP://EXAMPLE.ORG/site", true],
    [site, "http://example.org/site2", false],
    [site, "http://example.org/Site/floor-2", false],
    [site, "https://example.org/site", false],
    [site, "http://example.org:8080/site", false],
    ["http://example.org/site/floor-2", site, false],
    ["http://example.org/site/", site, true],
    ["http://example.org", "http://example.org/any", true],
    ["http://example.org/site?q=1#f", "http://example.org/site/x?r=2", true],
    ["http://example.org/a/../site", "http://example.org/a/../site", false],
    ["http://example.org/./site", "http://example.org/./site", false],
    ["http://example.org/si%74e", site, true],
    ["http://example.org/100%", "http://example.org/100%", true],
    ["urn:a:b", "urn:a:b", true],
    ["urn:a:b", "urn:a:bc", false],
    ["no uri", "no uri", false],
  ])("WSD-32 WSD-35 rfc2396: %s against %s is %s", (probed, own, expected) => {
    const service = { scopes: ["urn:unrelated", own] };
    for (const matchBy of [undefined, `${WSD}/rfc2396`, `${WSD}/rfc3986`, `${WSD11}/rfc3986`]) {
      const probe: Probe = { scopes: [probed], ...(matchBy !== undefined && { matchBy }) };
      expect(matchesProbe(probe, service)).toBe(expected);
      expect(matchesProbe(probe, service, "2009/01")).toBe(expected);
    }
  });

  const uuid = "6a1e8b6c-2d7f-4c55-8e3a-91b0c4d2f7a5";
  it.each([
    ["strcmp0", "urn:A", "urn:A", true],
    ["strcmp0", "urn:A", "urn:a", false],
    ["strcmp0", "urn:A", "urn:AA", false],
    ["uuid", `uuid:${uuid}`, `urn:uuid:${uuid.toUpperCase()}`, true],
    ["uuid", uuid, uuid, false],
    ["uuid", `uuid:${uuid}`, `uuid:${uuid.replace("6", "7")}`, false],
    ["ldap", "ldap:///ou=eng,o=example", "ldap:///cn=printer,ou=eng,o=example", true],
    ["ldap", "ldap:///ou=eng,o=example", "ldap:///ou=eng,o=example", true],
    ["ldap", "ldap:///OU=Eng, O=example", "ldap:///cn=p,ou=eng,o=example", true],
    ["ldap", "ldap:///cn=printer,ou=eng,o=example", "ldap:///ou=eng,o=example", false],
    ["ldap", "ldap://host/o=example", "ldap://HOST:389/ou=eng,o=example", true],
    ["ldap", "ldap://host/o=example", "ldap://other/ou=eng,o=example", false],
    ["ldap", "ldap:///o=a\\,b", "ldap:///ou=x,o=a\\,b", true],
    ["ldap", "ldap:///b", "ldap:///o=a\\,b", false],
    ["ldap", "http://host/o=example", "http://host/o=example", false],
  ])("WSD-36 WSD-37 %s: %s against %s is %s", (rule, probed, own, expected) => {
    expect(matchesProbe({ scopes: [probed], matchBy: `${WSD}/${rule}` }, { scopes: [own] })).toBe(expected);
  });

  it("WSD-33 every probed scope has to match", () => {
    const service = { scopes: ["http://a.example/x", "http://b.example/y"] };
    expect(matchesProbe({ scopes: ["http://a.example", "http://b.example"] }, service)).toBe(true);
    expect(matchesProbe({ scopes: ["http://a.example", "http://c.example"] }, service)).toBe(false);
  });

  it("WSD-27 a service without scopes is in the ad hoc scope", () => {
    expect(matchesProbe({ scopes: [`${WSD}/adhoc`] }, {})).toBe(true);
    expect(matchesProbe({ scopes: [site] }, {})).toBe(false);
  });

  it("WSD-39 WSD-41 an unknown rule matches nothing", () => {
    expect(matchesProbe({ scopes: [site], matchBy: "urn:mine" }, { scopes: [site] })).toBe(false);
    expect(matchesProbe({ matchBy: "urn:mine" }, {})).toBe(false);
  });

  it("WSD-38 a rule of one's own is used", () => {
    const rules = new Map([["urn:mine", (probed: readonly string[]) => probed[0] === "x"]]);
    expect(matchesProbe({ scopes: ["x"], matchBy: "urn:mine" }, {}, "2005/04", rules)).toBe(true);
    expect(matchesProbe({ scopes: ["y"], matchBy: "urn:mine" }, {}, "2005/04", rules)).toBe(false);
  });

  it("none matches services without scopes, in 1.1 only", () => {
    expect(matchesProbe({ matchBy: `${WSD11}/none` }, {}, "2009/01")).toBe(true);
    expect(matchesProbe({ matchBy: `${WSD11}/none` }, { scopes: [site] }, "2009/01")).toBe(false);
    expect(matchesProbe({ matchBy: `${WSD}/none` }, {})).toBe(false);
  });
});

describe("types", () => {
  it.each([
    ["WSD-31 equal", [PRINTER], [PRINTER], true],
    ["WSD-31 another namespace", [{ ...PRINTER, uri: "urn:x" }], [PRINTER], false],
    ["WSD-31 another name", [SCANNER], [PRINTER], false],
    ["WSD-33 both", [PRINTER, SCANNER], [SCANNER, PRINTER], true],
    ["WSD-33 one of two", [PRINTER, SCANNER], [PRINTER], false],
    ["WSD-34 none probed", [], [PRINTER], true],
    ["WSD-45 more than probed", [PRINTER], [SCANNER, PRINTER], true],
  ] as const)("%s", (_, probed, own, expected) => {
    expect(matchesProbe({ types: probed }, { types: own })).toBe(expected);
  });

  it("WSD-34 an empty probe matches everything", () => {
    expect(matchesProbe({}, {})).toBe(true);
    expect(matchesProbe({ types: [], scopes: [] }, { types: [PRINTER], scopes: ["urn:a"] })).toBe(true);
  });
});
