/**
 * What iPXE does on the wire, as recorded from iPXE 2.0.0+ (g0ab22): its requests byte for byte, and its own
 * way of reading answers, which knows no XML and no other message than MSG_BLK.
 */
import { createDecipheriv, randomUUID } from "node:crypto";
import { createSocket } from "node:dgram";
import { createConnection } from "node:net";
import type { Segment } from "@branchcache/content-info";
import { blockLengthBytes } from "@branchcache/content-info";
import { toHex } from "@branchcache/runtime";

const USER_AGENT = "iPXE/2.0.0+ (g0ab22)";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The first request for a file. */
export function offerRequest(host: string, path: string): string {
  return (
    `GET ${path} HTTP/1.1\r\nAccept-Encoding: peerdist\r\nConnection: keep-alive\r\nUser-Agent: ${USER_AGENT}\r\n` +
    `Host: ${host}\r\nX-P2P-PeerDistEx: MinContentInformation=1.0, MaxContentInformation=2.0\r\n` +
    `X-P2P-PeerDist: Version=1.1\r\n\r\n`
  );
}

/** A block that nobody had, by its whole range; `last` is included. */
export function missingDataRequest(host: string, path: string, first: number, last: number): string {
  return (
    `GET ${path} HTTP/1.1\r\nRange: bytes=${first}-${last}\r\nConnection: keep-alive\r\nUser-Agent: ${USER_AGENT}\r\n` +
    `Host: ${host}\r\nX-P2P-PeerDist: Version=1.1, MissingDataRequest=true\r\n\r\n`
  );
}

/** 68 bytes: MSG_GETBLKS for one block, AES-128 preferred. */
export function blockRequest(host: string, segment: Segment, blockIndex: number): Buffer {
  const message = Buffer.alloc(68);
  message.writeUInt32BE(1, 0);
  message.writeUInt32BE(3, 4);
  message.writeUInt32BE(68, 8);
  message.writeUInt32BE(1, 12);
  message.writeUInt32BE(32, 16);
  message.set(segment.id, 20);
  message.writeUInt32BE(1, 52);
  message.writeUInt32BE(blockIndex, 56);
  message.writeUInt32BE(1, 60);
  const head =
    `POST /116B50EB-ECE2-41ac-8429-9F9E963361B7/ HTTP/1.1\r\nContent-Length: 68\r\nConnection: keep-alive\r\n` +
    `User-Agent: ${USER_AGENT}\r\nHost: ${host}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), message]);
}

/** One request on a connection of its own; the answer must have a Content-Length. */
export async function exchange(host: string, request: string | Uint8Array): Promise<HttpAnswer> {
  const [address = "", port = ""] = host.split(":");
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const socket = createConnection(Number(port), address, () => socket.write(request));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) return;
      const [statusLine = "", ...lines] = received.subarray(0, end).toString("latin1").split("\r\n");
      const headers = Object.fromEntries(
        lines.map((line) => [
          line.slice(0, line.indexOf(":")).toLowerCase(),
          line.slice(line.indexOf(":") + 1).trim(),
        ]),
      );
      const body = received.subarray(end + 4);
      if (body.length < Number(headers["content-length"])) return;
      socket.destroy();
      resolve({ status: Number(statusLine.split(" ")[1]), headers, body });
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed before the answer was whole")));
  });
}

/** The probe as iPXE writes it: 814 bytes, the identifier in upper case. */
function probe(messageId: string, segment: Segment): string {
  return `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope" xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:wsd="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:PeerDist="http://schemas.microsoft.com/p2p/2007/09/PeerDistributionDiscovery"><soap:Header><wsa:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</wsa:To><wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</wsa:Action><wsa:MessageID>urn:uuid:${messageId}</wsa:MessageID></soap:Header><soap:Body><wsd:Probe><wsd:Types>PeerDist:PeerDistData</wsd:Types><wsd:Scopes MatchBy="http://schemas.xmlsoap.org/ws/2005/04/discovery/strcmp0">${toHex(segment.id).toUpperCase()}</wsd:Scopes></wsd:Probe></soap:Body></soap:Envelope>`;
}

/** Multicasts the probe on loopback and reads answers by literal text; gives the first peer that has the segment. */
export async function findPeer(discoveryPort: number, segment: Segment, timeoutMs: number): Promise<string> {
  const socket = createSocket("udp4");
  const wanted = toHex(segment.id).toUpperCase();
  try {
    return await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no peer answered the probe")), timeoutMs);
      socket.on("message", (bytes) => {
        const peer = readMatch(bytes.toString("utf8"), wanted);
        if (peer === undefined) return;
        clearTimeout(timer);
        resolve(peer);
      });
      socket.bind(0, "127.0.0.1", () => {
        socket.setMulticastInterface("127.0.0.1");
        const datagram = probe(randomUUID(), segment);
        socket.send(datagram, discoveryPort, "239.255.255.250");
      });
    });
  } finally {
    socket.close();
  }
}

/** Scopes and counts pair by position; a segment with the count 00000000 is not there. */
function readMatch(text: string, wanted: string): string | undefined {
  const between = (tag: string) => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(text)?.[1];
  const scopes = between("wsd:Scopes")?.split(" ") ?? [];
  const counts = between("PeerDist:BlockCount") ?? "";
  const index = scopes.indexOf(wanted);
  const count = counts.slice(8 * index, 8 * index + 8);
  if (index < 0 || scopes.length * 8 > counts.length || count === "00000000") return undefined;
  return between("wsd:XAddrs")?.split(" ")[0];
}

/** Opens MSG_BLK as iPXE does; throws where iPXE would give up. */
export function readBlock(answer: HttpAnswer, segment: Segment, blockIndex: number): Uint8Array {
  const { body } = answer;
  const message = body.subarray(4);
  const expect = (name: string, found: number, wanted: number) => {
    if (found !== wanted) throw new Error(`${name} is ${found}, iPXE needs ${wanted}`);
  };
  expect("status", answer.status, 200);
  expect("MsgType", message.readUInt32BE(4), 5);
  expect("MsgSize", message.readUInt32BE(8), message.length);
  expect("SizeOfSegmentId", message.readUInt32BE(16), 32);
  if (toHex(message.subarray(20, 52)) !== toHex(segment.id)) throw new Error("another segment");
  expect("BlockIndex", message.readUInt32BE(52), blockIndex);
  const sizeBytes = message.readUInt32BE(60);
  expect("size of ciphertext modulo 16", sizeBytes % 16, 0);
  const lengthBytes = blockLengthBytes(segment, blockIndex);
  if (sizeBytes < lengthBytes) throw new Error("a block that is too short");
  const block = message.subarray(64, 64 + sizeBytes);
  expect("SizeOfVrfBlock", message.readUInt32BE(64 + sizeBytes), 0);
  expect("SizeOfIVBlock", message.readUInt32BE(68 + sizeBytes), 16);
  const iv = message.subarray(72 + sizeBytes);
  expect("bytes of IV", iv.length, 16);
  const keyBytes = { 1: 16, 2: 24, 3: 32 }[message.readUInt32BE(12)];
  if (keyBytes === undefined) throw new Error("iPXE refuses blocks that are not encrypted");
  const decipher = createDecipheriv(`aes-${8 * keyBytes}-cbc`, segment.secret.subarray(0, keyBytes), iv);
  decipher.setAutoPadding(false);
  return decipher.update(block).subarray(0, lengthBytes);
}
