import type { Mutation } from "./test-client.ts";

/** A client with one thing wrong, and the check that has to tell. */
export interface Mutant {
  /** Completes "a client that". */
  readonly name: string;
  readonly caught: string;
  readonly mutation: Mutation;
}
