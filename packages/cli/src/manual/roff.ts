/** Text in the language of man pages. */

/** Backslashes, hyphens as they are typed, and lines that would be commands. */
export function roffText(text: string): string {
  return text
    .replaceAll("\\", String.raw`\e`)
    .replaceAll("-", String.raw`\-`)
    .replace(/^([.'])/gm, String.raw`\&$1`);
}

export const section = (title: string): string => `.SH "${title}"`;

/** A term, and what it means. */
export function entry(term: string, meaning: string): string {
  return [".TP", `\\fB${roffText(term)}\\fR`, roffText(meaning)].join("\n");
}

/** As it stands, line by line. */
export function verbatim(text: string): string {
  return [".PP", ".nf", roffText(text), ".fi"].join("\n");
}

export function paragraph(text: string): string {
  return [".PP", roffText(text)].join("\n");
}

export function titleLine(name: string, chapter: number, version: string): string {
  return `.TH "${name.toUpperCase()}" "${chapter}" "" "branchcache ${version}" "BranchCache"`;
}
