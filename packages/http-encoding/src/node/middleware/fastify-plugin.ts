/** The coding for Fastify, without a dependency on it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type PeerDistServerOptions, peerDistMiddleware } from "./with-peerdist.ts";

/** What is needed of a Fastify instance, version 4 and later. */
export interface FastifyLike {
  /** Registers the hook that runs as each request arrives. */
  addHook(
    name: "onRequest",
    hook: (
      request: { readonly raw: IncomingMessage },
      reply: { readonly raw: ServerResponse },
      done: () => void,
    ) => void,
  ): unknown;
}

/**
 * `app.register(peerDistPlugin, options)`, before the routes and plugins that answer. Applies to the whole
 * instance that it is registered with, not to a context of its own.
 */
export const peerDistPlugin: (
  app: FastifyLike,
  options: PeerDistServerOptions,
  done: (error?: Error) => void,
) => void = Object.assign(
  (app: FastifyLike, options: PeerDistServerOptions, done: (error?: Error) => void): void => {
    const middleware = peerDistMiddleware(options);
    app.addHook("onRequest", (request, reply, next) => middleware(request.raw, reply.raw, next));
    done();
  },
  // What Fastify looks for, lest the hook be of an inner context alone.
  { [Symbol.for("skip-override")]: true, [Symbol.for("fastify.display-name")]: "peerdist" },
);
