/** The guide's programs for the Peer Distribution API with 1 GiB, between two machines. */
import { randomFillSync } from "node:crypto";
import { chmod, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { compileMarkdownPrograms } from "../support/markdown-programs.ts";
import { openReportOffice } from "../support/report-office.ts";
import { playReport } from "../support/report-play.ts";
import { requirement } from "../support/requires.ts";
import { slowRuns } from "../support/slow.ts";

const netns = requirement("ip netns");
const MIB = 1_048_576;

it.skipIf(!netns.ok)(
  "API-53 1 GiB published, added to, read by stream and by block, flushed, unpublished",
  async () => {
    const sizeBytes = slowRuns(1_024) * MIB;
    const directory = await mkdtemp(join(tmpdir(), "branchcache-report-"));
    try {
      await chmod(directory, 0o755);
      const path = join(directory, "report");
      const file = await open(path, "w", 0o644);
      const piece = new Uint8Array(MIB);
      for (let at = 0; at < sizeBytes; at += MIB) await file.write(randomFillSync(piece));
      await file.close();
      await using guide = await compileMarkdownPrograms("docs/guides/peerdist.md");
      const [promises = "", handles = ""] = guide.programs;
      for (const [publisher, reader] of [
        [promises, handles],
        [handles, promises],
      ] as const) {
        await using office = await openReportOffice(directory, { cacheSize: "2GiB", discoveryWait: "500ms" });
        const counts = await playReport({
          publisher: office.seat("head", 1001, publisher),
          third: office.seat("head", 1002, reader),
          reader: office.seat("branch", 1003, reader),
          address: office.address("head"),
          port: 8080,
          file: path,
          sizeBytes,
        });
        console.log(JSON.stringify(counts));
        const { published, sent, read, missed, here, readAgain, hereAfterFlush } = counts;
        const all = sizeBytes;
        expect({ published, read, here, readAgain }).toEqual({
          published: all,
          read: all,
          here: all,
          readAgain: all,
        });
        expect(hereAfterFlush).toBe(0);
        expect(missed).toBeLessThanOrEqual((all * 3) / 4 + 131_072);
        expect(sent).toBe(all / 2 + missed);
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
);
