/** The programs of the guide are compiled as they stand there. */
import { expect, it } from "vitest";
import { compileMarkdownPrograms } from "../../../test/support/markdown-programs.ts";

it("the programs of docs/guides/peerdist.md compile", async () => {
  await using guide = await compileMarkdownPrograms("docs/guides/peerdist.md");
  expect(guide.programs).toHaveLength(2);
});
