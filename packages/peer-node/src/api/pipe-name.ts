/**
 * Whether this is the name of a named pipe of Windows, such as `\\.\pipe\branchcache-api`: it lies in no directory,
 * goes with its last handle, and has no file beside it.
 */
export function isPipeName(path: string): boolean {
  return /^[\\/]{2}[.?][\\/]pipe[\\/]./i.test(path);
}
