// @ts-check
/** A peer process that serves the benchmark's content. Prints its port; at the end of stdin, what it used. */
import { createRetrievalServer } from "@branchcache/retrieval";
import { createRetrievalHttpServer } from "@branchcache/retrieval/node";
import { systemClock } from "@branchcache/runtime/node";
import { benchSource } from "./retrieval-content.js";

const version = process.argv[2] === "2" ? 2 : 1;
const server = createRetrievalHttpServer(
  createRetrievalServer({ source: benchSource(version), clock: systemClock }),
);
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  console.log(JSON.stringify({ port: typeof address === "object" ? address?.port : undefined }));
});
process.stdin.resume();
process.stdin.once("end", () => {
  const { maxRSS, systemCPUTime, userCPUTime } = process.resourceUsage();
  console.log(JSON.stringify({ maxRssMb: maxRSS / 1024, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6 }));
  server.closeAllConnections();
  server.close();
});
