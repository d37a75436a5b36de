/** ProbeMatches that differ from each other only in a few texts: the rest of the datagram is written once. */
import { MAX_MESSAGE_BYTES } from "../limits.ts";
import type { Random } from "../ports.ts";
import { UUID_URN_LENGTH, writeNewUuidUrn } from "../protocol/uuid.ts";
import type { ProtocolVersion } from "../protocol/versions.ts";
import { allocateBytes } from "../slab.ts";
import type { ServiceDescription } from "./types.ts";
import type { MessageWriter } from "./write.ts";

/** A match as its template and the texts to put into it. */
export interface TemplateMatch {
  readonly template: MatchTemplate;
  readonly texts: readonly string[];
}

/**
 * What many matches of one service have in common, for a service that answers so often that writing each answer anew
 * costs too much. The datagrams are byte for byte those that `describe` would give.
 */
export class MatchTemplate {
  /**
   * The match with these texts in it. Each text has to come out, unchanged and once, as one scope, one address or the
   * text of one extension, or as a whole list of scopes or addresses with a space between any two.
   */
  readonly describe: (texts: readonly string[]) => ServiceDescription;
  /** How many texts `describe` takes. */
  readonly textCount: number;

  constructor(textCount: number, describe: (texts: readonly string[]) => ServiceDescription) {
    this.textCount = textCount;
    this.describe = describe;
  }

  /** A match of this template: `textCount` texts, in the order in which `describe` takes them. */
  with(...texts: readonly string[]): TemplateMatch {
    return { template: this, texts };
  }
}

export function isTemplateMatch(match: ServiceDescription | TemplateMatch): match is TemplateMatch {
  return "template" in match;
}

/** What differs between two ProbeMatches of one template. */
export interface AnswerValues {
  readonly random: Random;
  readonly relatesTo: string;
  readonly messageNumber: number;
  readonly texts: readonly string[];
}

/** Written in place of the values, to find where in the datagram they go. */
const MARKED_ID = "urn:uuid:ffffffff-0000-4000-8000-00000000fffd";
const MARKED_RELATION = "urn:uuid:ffffffff-0000-4000-8000-00000000fffe";
const MARKED_NUMBER = 4_293_918_719;
const markOf = (index: number) => `marked-text-${index}-`;

/** The datagram of one template in one version of the protocol, taken apart into fixed pieces and values. */
export class AnswerTemplate {
  /** Between them go the MessageID, RelatesTo, the MessageNumber, and then the texts. */
  readonly #pieces: readonly Uint8Array[];
  /** Which text goes behind piece 3, piece 4 and so on. */
  readonly #textAt: readonly number[];
  readonly #fixedBytes: number;

  private constructor(pieces: readonly Uint8Array[], textAt: readonly number[]) {
    this.#pieces = pieces;
    this.#textAt = textAt;
    this.#fixedBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  /** Undefined if a mark does not come out exactly once and in this order, so that the pieces cannot be told. */
  static of(
    template: MatchTemplate,
    writer: MessageWriter,
    version: ProtocolVersion,
    instanceId: number,
  ): AnswerTemplate | undefined {
    const marks = Array.from({ length: template.textCount }, (_, i) => markOf(i));
    const bytes = writer.write({
      version,
      kind: "ProbeMatches",
      messageId: MARKED_ID,
      relatesTo: MARKED_RELATION,
      appSequence: { instanceId, messageNumber: MARKED_NUMBER },
      matches: [template.describe(marks)],
    });
    const document = new TextDecoder().decode(bytes);
    const places = marks
      .map((mark, textIndex) => ({ mark, textIndex, at: document.indexOf(mark) }))
      .sort((a, b) => a.at - b.at);
    const all = [MARKED_ID, MARKED_RELATION, String(MARKED_NUMBER), ...places.map(({ mark }) => mark)];
    const pieces: Uint8Array[] = [];
    let from = 0;
    for (const mark of all) {
      const at = document.indexOf(mark);
      if (at < from || document.indexOf(mark, at + 1) >= 0) return undefined;
      pieces.push(new TextEncoder().encode(document.slice(from, at)));
      from = at + mark.length;
    }
    pieces.push(new TextEncoder().encode(document.slice(from)));
    return new AnswerTemplate(
      pieces,
      places.map(({ textIndex }) => textIndex),
    );
  }

  /** The datagram. Undefined if a value needs escaping or is not ASCII, or if all is too long: see `MessageWriter`. */
  fill({ random, relatesTo, messageNumber, texts }: AnswerValues): Uint8Array | undefined {
    const number = String(messageNumber);
    let length = this.#fixedBytes + UUID_URN_LENGTH + relatesTo.length + number.length;
    for (const text of texts) length += text.length;
    if (length > MAX_MESSAGE_BYTES) return undefined;
    const pieces = this.#pieces;
    const bytes = allocateBytes(length);
    let at = copyPiece(pieces, 0, bytes, 0);
    writeNewUuidUrn(random, bytes, at);
    at = copyPiece(pieces, 1, bytes, at + UUID_URN_LENGTH);
    if (!writePlain(relatesTo, bytes, at)) return undefined;
    at = copyPiece(pieces, 2, bytes, at + relatesTo.length);
    writePlain(number, bytes, at);
    at = copyPiece(pieces, 3, bytes, at + number.length);
    for (let i = 0; i < this.#textAt.length; i++) {
      const text = texts[this.#textAt[i]!] ?? "";
      if (!writePlain(text, bytes, at)) return undefined;
      at = copyPiece(pieces, 4 + i, bytes, at + text.length);
    }
    return bytes;
  }
}

/** Gives the index behind the piece. */
function copyPiece(pieces: readonly Uint8Array[], index: number, into: Uint8Array, startsAt: number): number {
  const piece = pieces[index]!;
  into.set(piece, startsAt);
  return startsAt + piece.length;
}

/** 1 at the code of each ASCII character that XML needs not escape. */
const PLAIN = Uint8Array.from({ length: 128 }, (_, code) =>
  /[ !#-%'-;=?-~]/.test(String.fromCharCode(code)) ? 1 : 0,
);

/** Stops with false at a character that is not plain. */
function writePlain(text: string, into: Uint8Array, startsAt: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (PLAIN[code] !== 1) return false;
    into[startsAt + i] = code;
  }
  return true;
}
