/** Whether a service matches a probe. WSD05 5.1, 5.2. */
import type { Probe } from "../message/types.ts";
import { type ProtocolVersion, VERSIONS } from "../protocol/versions.ts";
import { type QName, sameName } from "../xml/element.ts";
import { SCOPE_RULES, type ScopeRule } from "./scopes.ts";

/** What a probe is compared with: types and scopes of a service; absent is the same as empty. WSD05 5.1. */
export interface MatchableService {
  readonly types?: readonly QName[];
  readonly scopes?: readonly string[];
}

/**
 * Every probed type and every probed scope has to match; absent or empty ones match anything, and an
 * unknown rule matches nothing. `rules` adds to, or overrides, the rules of the specification.
 */
export function matchesProbe(
  probe: Probe,
  service: MatchableService,
  version: ProtocolVersion = "2005/04",
  rules?: ReadonlyMap<string, ScopeRule>,
): boolean {
  const types = service.types ?? [];
  if (!(probe.types ?? []).every((wanted) => types.some((own) => sameName(own, wanted)))) return false;
  const matchBy = probe.matchBy ?? VERSIONS[version].defaultMatchBy;
  const rule = rules?.get(matchBy) ?? SCOPE_RULES.get(matchBy);
  return rule?.(probe.scopes ?? [], service.scopes ?? []) ?? false;
}
