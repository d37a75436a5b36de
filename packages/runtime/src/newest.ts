/** Maps that keep only what was set last. A `Map` remembers in which order its keys were set. */

/**
 * Makes this the newest entry of the map. Where that is more than `maxEntries`, the oldest one goes, and its key is
 * returned.
 */
export function setNewest<K, V>(map: Map<K, V>, key: K, value: V, maxEntries: number): K | undefined {
  map.delete(key);
  map.set(key, value);
  if (map.size <= maxEntries) return undefined;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return oldest;
  }
  return undefined;
}
