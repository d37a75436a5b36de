import { constant, type Layout, oneOf, struct, u8 } from "@branchcache/runtime";

/** The first two bytes, minor before major in both versions. [MS-PCCRC] 2.3 Version, 2.4 */
export const versionField: Layout<{ readonly minor: number; readonly major: 1 | 2 }> = struct("Version", {
  minor: constant(u8, 0), // bMinorVersion
  major: oneOf(u8, [1, 2]), // bMajorVersion
});
export const VERSION_BYTES = 2;
