/** What waits must not keep the whole text of a datagram in memory, which a part of it does. */
export function ownText(part: string): string {
  return ` ${part}`.slice(1);
}
