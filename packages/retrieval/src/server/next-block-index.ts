/**
 * NextBlockIndex of MSG_BLKLIST and MSG_BLK: the first held block after what is sent, as advice to the client. PCCRR-54,
 * [MS-PCCRR] 2.2.5.2, 2.2.5.3, 3.2.5.3. A block that is sent brings its own along (`BlockSource.block`), since a store
 * knows it without a list of what it holds.
 */

/** `held`: ascending. 0 can never come after another index, so it says that there is none. */
export function nextBlockIndex(held: readonly number[], after: number): number {
  return held.find((index) => index > after) ?? 0;
}
