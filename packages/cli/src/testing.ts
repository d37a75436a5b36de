/** For tests of the commands: processes that log events, a port for a branch of one's own, and a certificate. */
export { freeUdpPort } from "./commands/demo/free-udp-port.ts";
export {
  type BackgroundProcess,
  type CliProgram,
  type CommandLine,
  runProcess,
  startProcess,
} from "./commands/demo/processes.ts";
export { type CertificateFiles, type CertificateNames, makeCertificate } from "./hosted/certificate.ts";
