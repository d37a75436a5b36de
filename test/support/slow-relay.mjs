// @ts-check
/** `node slow-relay.mjs <port> <host> <port> <ms>`: a TCP relay that holds every byte back for so long, each way. */
import { connect, createServer } from "node:net";

const [listenPort, host, port, delayMs] = process.argv.slice(2);

/** @param {import("node:net").Socket} from @param {import("node:net").Socket} to */
function pass(from, to) {
  from.on("data", (bytes) => {
    // The link's bandwidth is shaped elsewhere; what waits here is bounded by it.
    setTimeout(() => to.writable && !to.write(bytes) && from.pause(), Number(delayMs));
  });
  to.on("drain", () => from.resume());
  from.on("end", () => setTimeout(() => to.end(), Number(delayMs)));
  from.on("error", () => to.destroy());
}

createServer({ allowHalfOpen: true }, (client) => {
  const server = connect({ host, port: Number(port), allowHalfOpen: true });
  pass(client, server);
  pass(server, client);
}).listen(Number(listenPort), () => process.stderr.write('{"event":"service.started"}\n'));
