/** A directory as a BranchCache content server: files, their hashes and the coding, put together. */
import type { ServerResponse } from "node:http";
import type { RequestHandler } from "../content-server.ts";
import { type PeerDistServerOptions, withPeerDist } from "../middleware/with-peerdist.ts";
import { type FilePublicationsOptions, filePublications } from "../publications/file-publications.ts";
import { directoryHandler, type ServedFile } from "./directory-handler.ts";

/** What is served, how it is hashed, and what the coding needs. [MS-PCCRTP] 3.2 */
export interface PeerDistDirectoryOptions
  extends Omit<PeerDistServerOptions, "publications" | "resourceKey">,
    FilePublicationsOptions {
  /** The directory: nothing outside it is served, not through links either. */
  readonly root: string;
}

/** A directory that is served with the coding. */
export interface PeerDistDirectory extends AsyncDisposable {
  /** For `createContentServer`, `node:http` or an express-shaped router. */
  readonly handler: RequestHandler;
  /** Stops hashing; the handler goes on with what is hashed. `await using` does the same. */
  close(): Promise<void>;
}

/**
 * Serves the files of a directory as `directoryHandler` does, and sends Content Information of those that are
 * hashed to clients that take it. A file is hashed once such a client asked for it; until then it is sent as it is.
 */
export function peerDistDirectory(options: PeerDistDirectoryOptions): PeerDistDirectory {
  const files = new WeakMap<ServerResponse, ServedFile>();
  const publications = filePublications(options);
  const plain = directoryHandler({
    root: options.root,
    ...(options.observer && { observer: options.observer }),
    onFile: (response, file) => files.set(response, file),
  });
  const close = () => publications.close();
  return {
    handler: withPeerDist(plain, {
      ...options,
      publications,
      resourceKey: (_request, response) => files.get(response)?.path,
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}
