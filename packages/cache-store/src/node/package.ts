/** Package files: what a cache holds, carried to another by any means. `docs/package-format.md` has the format. */
export { type ExportOptions, type ExportReport, exportPackage } from "./package/export.ts";
export { type ImportOptions, type ImportReport, importPackage } from "./package/import.ts";
