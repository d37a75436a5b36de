// @ts-check
/** A peer process that serves the benchmark's content. Prints its port; at the end of stdin, what it used. */
import { createRetrievalServer } from "@branchcache/retrieval";
import { createRetrievalHttpServer } from "@branchcache/retrieval/node";
import { systemClock } from "@branchcache/runtime/node";
import { watchOwnUse } from "../support/process-use.js";
import { benchSource } from "./content.js";

const used = watchOwnUse();
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
  console.log(JSON.stringify(used()));
  server.closeAllConnections();
  server.close();
});
