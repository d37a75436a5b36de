/** Settings as a person names them: by key, or by a section; and what was probably meant by a name that is none. */
import { BranchCacheError } from "@branchcache/runtime";
import { findSetting, keysBelow, type SettingKey, settingKeys } from "./keys.ts";

/** Errors: `BC_USAGE`. */
export function settingNamed(key: string): SettingKey {
  const setting = findSetting(key);
  if (setting) return setting;
  throw new BranchCacheError("BC_USAGE", noSuchSetting(key));
}

/** One setting, or all of a section such as `peer`. Errors: `BC_USAGE`. */
export function settingsNamed(name: string): readonly SettingKey[] {
  const section = keysBelow(name);
  return section.length > 0 ? section : [settingNamed(name)];
}

/** `KEY: there is no such setting; did you mean OTHER?` */
export function noSuchSetting(key: string): string {
  const near = nearestKey(key);
  return `${key}: there is no such setting${near ? `; did you mean ${near}?` : ""}`;
}

function nearestKey(key: string): string | undefined {
  let best: { readonly key: string; readonly distance: number } | undefined;
  for (const { key: candidate } of settingKeys) {
    const last = candidate.slice(candidate.lastIndexOf(".") + 1);
    const distance = Math.min(editDistance(key, candidate), editDistance(key, last) + 1);
    if (!best || distance < best.distance) best = { key: candidate, distance };
  }
  return best && best.distance <= Math.max(2, key.length / 3) ? best.key : undefined;
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
