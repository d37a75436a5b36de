import { Command } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { contentOptions } from "../../options/content-options.ts";
import type { ContentServiceOptions } from "./content-service.ts";

export function serveCommand(): Command {
  const command = new Command("serve")
    .summary("serve a directory as a BranchCache content server")
    .description(
      "Serves the files below DIR over HTTP. Clients that know BranchCache get Content Information " +
        "instead of content once a file is hashed: beforehand by `branchcache publish`, else in the " +
        "background after the first request for it. Dotfiles and links that leave DIR are refused.",
    )
    .argument("<dir>", "the directory");
  return addOptions(command, contentOptions("BRANCHCACHE_SERVE_LISTEN"))
    .addHelpText(
      "after",
      `
Servers that offer the same files need the same secret, or each copy is cached
separately.

Examples:
  branchcache serve /srv/images
  branchcache serve . --listen 127.0.0.1:8080 --secret-file ./secret
  branchcache publish /srv/images -r && branchcache serve /srv/images

Exit status: 0 stopped as asked, 1 failed, 2 wrong usage or settings.`,
    )
    .action(async (root: string, options: ContentServiceOptions) => {
      const { runServe } = await import("./serve.ts");
      await runServe(root, options);
    });
}
