/** What a report looks like, whatever a target said. */
import * as kit from "@branchcache/conformance";
import {
  type CheckResult,
  conforms,
  findQuirk,
  htmlReport,
  jsonReport,
  junitReport,
  quirkPlaces,
  type Report,
  summaryText,
  textReport,
} from "@branchcache/conformance";
import { describe, expect, it } from "vitest";

const result = (changes: Partial<CheckResult>): CheckResult => ({
  id: "a-check",
  requirements: ["RULE-1"],
  level: "MUST",
  title: "does it",
  outcome: "pass",
  sent: "sent",
  received: "received",
  expected: "expected",
  durationMs: 1,
  ...changes,
});
const report = (...results: readonly CheckResult[]): Report => ({
  profile: "retrieval-server",
  title: "a <title>",
  target: "host:80",
  seed: 3,
  version: "1.2.3",
  startedAt: "2026-11-25T00:00:00.000Z",
  results,
});
const hostile = result({
  outcome: "fail",
  received: `</code><script>alert("1")</script>\u0000&`,
  quirk: { name: "known", of: "Windows", text: "does so" },
});

describe("a report", () => {
  it.each([
    ["nothing was tried", [], "MUST", false],
    ["all was skipped", [result({ outcome: "skipped" })], "MUST", false],
    ["a MUST was broken", [result({}), result({ outcome: "fail" })], "MUST", false],
    ["a MUST is in doubt", [result({}), result({ outcome: "inconclusive" })], "MUST", false],
    ["a SHOULD was broken", [result({}), result({ outcome: "fail", level: "SHOULD" })], "MUST", true],
    ["a SHOULD was broken", [result({}), result({ outcome: "fail", level: "SHOULD" })], "SHOULD", false],
    ["all was kept", [result({}), result({ outcome: "skipped" })], "SHOULD", true],
  ] as const)("when %s: %#", (_, results, level, good) => {
    expect(conforms(report(...results), level)).toBe(good);
  });

  it("says in text what was sent, came and should have come, and what is known", () => {
    const lines = textReport(report(result({}), hostile));
    expect(lines).toContain("ok   a-check (MUST RULE-1): does it");
    for (const word of ["sent:     sent", "expected: expected", "known of Windows (known): does so"]) {
      expect(lines).toContain(word);
    }
    expect(lines).toContain("MUST: 1 passed, 1 failed, 0 inconclusive, 0 skipped");
  });

  it("ends with the ids of what did not pass, as --only takes them", () => {
    const some = [
      result({ id: "one", outcome: "fail" }),
      result({ id: "two", outcome: "fail", level: "SHOULD" }),
      result({ id: "three", outcome: "inconclusive" }),
      result({ id: "four", outcome: "skipped" }),
    ];
    expect(
      summaryText(report(result({}), ...some))
        .split("\n")
        .slice(2),
    ).toEqual(["fail: one two", "inconclusive: three", "host:80 does not conform to a <title> (seed 3)"]);
    expect(summaryText(report(result({})))).not.toMatch(/^fail:|^inconclusive:/m);
  });

  it("leads in HTML from the top to each check that did not pass, and to no other", () => {
    const page = htmlReport(
      report(result({ id: "good" }), hostile, result({ id: "left", outcome: "skipped" })),
    );
    expect([...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id)).toEqual(["a-check"]);
    expect(page).toContain('<tr id="a-check">');
  });

  it("tells in JUnit what is known of others, and what gives the same run again", () => {
    const xml = junitReport(report(hostile));
    expect(xml).toContain("known of Windows (known): does so");
    expect(xml).toContain('<property name="seed" value="3"/><property name="version" value="1.2.3"/>');
  });

  it("lets nothing that a target says out of its place in HTML and XML", () => {
    for (const page of [htmlReport(report(hostile)), junitReport(report(hostile))]) {
      expect(page).not.toContain("<script>");
      expect(page).not.toContain("\u0000");
      expect(page).toContain("&lt;script&gt;");
    }
  });

  it("has sums in JUnit and JSON", () => {
    const some = report(
      result({}),
      hostile,
      result({ outcome: "skipped" }),
      result({ outcome: "inconclusive" }),
    );
    expect(junitReport(some)).toContain('tests="4" failures="1" errors="1" skipped="1"');
    expect(JSON.parse(jsonReport(some))).toMatchObject({
      conforms: false,
      must: { pass: 1, fail: 1, skipped: 1, inconclusive: 1 },
    });
  });
});

describe("what is known of others", () => {
  it("is known of checks that there are, and names whose it is", () => {
    const checks = Object.values(kit).flatMap((value) =>
      typeof value === "object" && "checks" in value
        ? value.checks.map(({ id }) => `${value.name}/${id}`)
        : [],
    );
    expect(quirkPlaces.filter((place) => !checks.includes(place))).toEqual([]);
    expect(quirkPlaces.length).toBeGreaterThan(15);
    for (const place of quirkPlaces) {
      const [profile = "", check = ""] = place.split("/");
      expect(findQuirk(profile, check)).toMatchObject({
        name: expect.stringMatching(/^[a-z0-9-]+$/),
        of: expect.stringMatching(/./),
        text: expect.stringMatching(/\.$/),
      });
    }
  });
});
