/** Standard alphabet with padding. RFC 4648 4. */
export function toBase64(bytes: Uint8Array): string {
  let characters = "";
  for (const byte of bytes) characters += String.fromCharCode(byte);
  return btoa(characters);
}

/** Undefined for anything but whole groups of the standard alphabet; white space must be gone already. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const characters = atob(text);
  return Uint8Array.from(characters, (character) => character.charCodeAt(0));
}
