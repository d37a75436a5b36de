/**
 * A copy of a text that was read from a message, for texts that are kept. A slice of a string keeps the whole string
 * alive in a JavaScript engine, and here that is the whole datagram.
 */
export function detachText(slice: string): string {
  // A concatenation is a new string, and what is cut from it is a slice of that one.
  return ` ${slice}`.slice(1);
}
