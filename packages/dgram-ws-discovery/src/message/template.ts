/** Answers that differ in a few texts alone: the rest of the datagram is written once. */
import { MAX_MESSAGE_BYTES } from "../limits.ts";
import type { Random } from "../ports.ts";
import { UUID_URN_LENGTH, writeNewUuidUrn } from "../protocol/uuid.ts";
import type { ProtocolVersion } from "../protocol/versions.ts";
import { allocateBytes } from "../slab.ts";
import type { ServiceDescription } from "./types.ts";
import type { MessageWriter } from "./write.ts";

/** A match told as what differs from others of its template. */
export interface TemplateMatch {
  readonly template: MatchTemplate;
  readonly texts: readonly string[];
}

/** What every match with this form says. Answers made of it are, byte for byte, those of `describe`. */
export class MatchTemplate {
  /**
   * The match with these texts. It has to put each, as it is, into one scope, address or text of an extension, but
   * for a list of scopes or addresses, which may be one text with a space between any two.
   */
  readonly describe: (texts: readonly string[]) => ServiceDescription;
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

/** What one ProbeMatches says that another does not. */
export interface AnswerValues {
  readonly random: Random;
  readonly relatesTo: string;
  readonly messageNumber: number;
  readonly texts: readonly string[];
}

/** Marks that are written in place of what differs. */
const MARKED_ID = "urn:uuid:ffffffff-0000-4000-8000-00000000fffd";
const MARKED_RELATION = "urn:uuid:ffffffff-0000-4000-8000-00000000fffe";
const MARKED_NUMBER = 4_293_918_719;
const markOf = (index: number) => `marked-text-${index}-`;

/** The ProbeMatches of one template, in one version, of one run of the endpoint. */
export class AnswerTemplate {
  readonly #pieces: readonly Uint8Array[];
  /** By place: the number of the text that stands there. */
  readonly #textAt: readonly number[];
  readonly #fixedBytes: number;

  private constructor(pieces: readonly Uint8Array[], textAt: readonly number[]) {
    this.#pieces = pieces;
    this.#textAt = textAt;
    this.#fixedBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  /** Undefined if what `describe` gives cannot be taken apart into what stays and what differs. */
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

  /** The datagram; undefined if a value is not plain, or all of it too long: the ordinary writer sees to those. */
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
      const text = texts[this.#textAt[i] as number] ?? "";
      if (!writePlain(text, bytes, at)) return undefined;
      at = copyPiece(pieces, 4 + i, bytes, at + text.length);
    }
    return bytes;
  }
}

/** Where it ends. */
function copyPiece(pieces: readonly Uint8Array[], index: number, into: Uint8Array, startsAt: number): number {
  const piece = pieces[index] as Uint8Array;
  into.set(piece, startsAt);
  return startsAt + piece.length;
}

/** 1 for characters that stand for themselves in XML, and are one byte. */
const PLAIN = Uint8Array.from({ length: 128 }, (_, code) =>
  /[ !#-%'-;=?-~]/.test(String.fromCharCode(code)) ? 1 : 0,
);

/** False, with some of it written, if a character is not plain. */
function writePlain(text: string, into: Uint8Array, startsAt: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (PLAIN[code] !== 1) return false;
    into[startsAt + i] = code;
  }
  return true;
}
