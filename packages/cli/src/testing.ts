/** For tests of the commands: processes that log events, and a port for a branch of one's own. */
export { freeUdpPort } from "./demo/free-udp-port.ts";
export {
  type BackgroundProcess,
  type CliProgram,
  type CommandLine,
  runProcess,
  startProcess,
} from "./demo/processes.ts";
