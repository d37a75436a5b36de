// @ts-check
/** A peer process that serves the benchmark's content. Prints its port; at the end of stdin, what it used. */
import { createServer } from "node:http";
import { createRetrievalServer } from "@branchcache/retrieval";
import { retrievalRequestListener } from "@branchcache/retrieval/node";
import { systemClock } from "@branchcache/runtime/node";
import { benchSource } from "./retrieval-content.js";

const version = process.argv[2] === "2" ? 2 : 1;
const listener = retrievalRequestListener(
  createRetrievalServer({ source: benchSource(version), clock: systemClock }),
);
const server = createServer((request, response) => {
  if (!listener(request, response)) response.writeHead(404).end();
});
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
