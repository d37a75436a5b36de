/** What belongs to one publisher identity, over all its connections. */
import type { ClientContent } from "./client-content.ts";
import { endOperations, type Operation } from "./operations.ts";
import type { PublicationRecord, PublishStream } from "./publication.ts";
import type { Quota } from "./quota.ts";

export interface Published {
  readonly record: PublicationRecord;
  readonly session: object;
  readonly stream: PublishStream;
}

export class Identity {
  readonly quota: Quota;
  readonly contents = new Set<ClientContent>();
  readonly #publications = new Map<string, Published>();
  sessions = 0;

  constructor(quota: Quota) {
    this.quota = quota;
  }

  published(identifier: string): Published | undefined {
    return this.#publications.get(identifier);
  }

  publish(identifier: string, published: Published): void {
    this.#publications.set(identifier, published);
  }

  ofSession(session: object): string[] {
    return [...this.#publications]
      .filter(([, one]) => one.session === session)
      .map(([identifier]) => identifier);
  }

  /** Removes the publication and kills its handles, as `kill` says. */
  remove(identifier: string, error: number, pendingError: number): void {
    const published = this.#publications.get(identifier);
    if (!published) return;
    this.#publications.delete(identifier);
    this.quota.give("publications");
    this.quota.give("bytes", published.record.quotaBytes);
    for (const handle of [published.stream, ...published.record.cursors]) kill(handle, error, pendingError);
  }
}

/** Pending operations on the handle end with `pendingError`, and every further call returns `error`. */
export function kill(
  handle: { dead: number; readonly operations: Set<Operation> },
  error: number,
  pendingError: number,
): void {
  handle.dead ||= error;
  endOperations(handle, pendingError);
}
