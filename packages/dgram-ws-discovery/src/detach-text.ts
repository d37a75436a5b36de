/**
 * A copy of a text that was read from a message. Such texts are slices of the whole datagram, and a JavaScript engine
 * keeps the whole text for as long as any slice of it lives: detach what you keep while something waits.
 */
export function detachText(slice: string): string {
  // A concatenation is a new string, and what is cut from it is a slice of that one.
  return ` ${slice}`.slice(1);
}
