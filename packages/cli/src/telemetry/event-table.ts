/** What each event says, for the reference: the names are those of the log, `events` and the journal. */
import type { EventName } from "@branchcache/runtime";

/** What an event says in one sentence, and the events of Windows that say the same. */
export interface EventDeclaration {
  readonly help: string;
  /** Their ids in the log Microsoft-Windows-BranchCache/Operational. */
  readonly windowsIds?: readonly number[];
}

const event = (help: string, ...windowsIds: readonly number[]): EventDeclaration =>
  windowsIds.length > 0 ? { help, windowsIds } : { help };

/** Every event of the log, by name, with what it says. */
export const EVENTS: Readonly<Record<EventName, EventDeclaration>> = {
  "service.started": event("The daemon serves", 1),
  "service.stopping": event("It was told to stop, and downloads that run may end", 28),
  "service.stopped": event("It has stopped", 2),
  "service.start_failed": event("It could not start", 4),
  "service.worker_ended": event("A process that serves blocks ended, and is started again"),
  "service.disabled": event("It runs, and BranchCache is switched off", 23),
  "service.roamed": event("The machine has other addresses; settings are read and peers looked for anew", 3),
  "doctor.found": event("Something keeps BranchCache from saving what it could; with the cure"),
  "config.changed": event("Settings changed, and are followed", 5),
  "config.rejected": event("Settings were changed to something that cannot be; the old ones hold"),
  "config.role_conflict": event("Settings contradict each other", 6),
  "firewall.discovery_blocked": event("The firewall keeps probes out", 7, 22),
  "firewall.retrieval_blocked": event("The firewall keeps requests for blocks out", 8, 22),
  "firewall.offers_blocked": event("The firewall keeps offers to the hosted cache out", 9, 22),
  "listen.no_permission": event("A port may not be opened", 10),
  "listen.port_in_use": event("A port is taken by another program", 41),
  "listen.failed": event("A connection could not be taken; the port stays open for others"),
  "cache.full": event("A block is not kept, since no room can be made", 11),
  "cache.path_unusable": event("The cache's directory cannot be used", 12, 30),
  "cache.corrupt": event("Something in the cache was damaged, and is gone or set aside", 24),
  "cache.loaded": event("The cache is open", 25),
  "cache.saved": event("The cache is closed, and whole", 26),
  "cache.save_failed": event("Something could not be written to the cache", 27),
  "cache.compacted": event("Unused space was given back to the disk", 38),
  "cache.compact_advised": event("The cache takes more of the disk than it may hold", 39),
  "cache.format_changed": event("The cache was of an older format, and starts empty"),
  "cache.unreachable": event("A node of the cluster that keeps the cache does not answer"),
  "cache.reachable": event("It answers again"),
  "publish.done": event("A content was hashed"),
  "publish.failed": event("A content could not be hashed, and is sent plain", 13),
  "peer.request_failed": event("A peer is given up for this download", 14),
  "peer.quarantined": event("A peer sent false bytes, and is left alone", 16),
  "peer.bad_request": event("Somebody sent what is no request", 17),
  "peer.denied": event("Somebody asked for what he may not have", 18),
  "upload.limit": event("A request was refused, since too many are being answered", 40),
  "offer.failed": event("An offer did not get through to the hosted cache", 19),
  "offer.timeout": event("The hosted cache did not answer an offer in time", 20),
  "offer.refused": event("This hosted cache did not take an offer"),
  "hosted.serving": event("The hosted cache serves"),
  "hosted.pulled": event("It has what was offered"),
  "hosted.pull_failed": event("A client did not give what it had offered", 31),
  "hosted.request_failed": event("A hosted cache does not answer, and is left alone for a while", 15),
  "hosted.no_certificate": event("There is no certificate for offers by HTTPS", 29),
  "hosted.certificate_loaded": event("The certificate was read, or read again"),
  "hosted.servers_changed": event("Other hosted caches are used from now on"),
  "discover_server.failed": event("No hosted cache was found in DNS", 37),
  "probe.received": event("A neighbour asks who has something", 107),
  "probe.sent": event("We ask", 108),
  "probe.answer_received": event("A neighbour has it", 109),
  "probe.answer_sent": event("We have it", 110),
  "probe.unanswered": event("Nobody answered in time", 111),
  "probe.answer_late": event("An answer came too late", 112),
  "discovery.failed": event("An interface cannot be used to find peers"),
  "block.request_received": event("Somebody asks for a block", 113),
  "block.request_sent": event("A peer or hosted cache is asked for blocks", 114),
  "block.received": event("A block came, and is right", 115),
  "block.sent": event("A block was given", 116),
  "content_info.received": event("A content server gave Content Information", 103),
  "content_info.sent": event("Our content server did", 205),
  "content.sent": event("It gave content to somebody who asked for it plain, or before it was hashed", 206),
  "missing_data.sent": event("It gave what the branch did not have", 207),
  "origin.failed": event("The server behind the gateway did not answer"),
  "download.finished": event("A download is done; what came from where"),
};
