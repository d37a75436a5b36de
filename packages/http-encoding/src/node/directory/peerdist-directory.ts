/** A directory as a BranchCache content server: files, their hashes and the coding, put together. */
import type { ServerResponse } from "node:http";
import type { RequestHandler } from "../content-server.ts";
import { type PeerDistServerOptions, withPeerDist } from "../middleware/with-peerdist.ts";
import { type FilePublicationsOptions, filePublications } from "../publications/file-publications.ts";
import { directoryHandler, type ServedFile } from "./directory-handler.ts";

export interface PeerDistDirectoryOptions
  extends Omit<PeerDistServerOptions, "publications" | "resourceKey">,
    FilePublicationsOptions {
  readonly root: string;
}

export interface PeerDistDirectory {
  readonly handler: RequestHandler;
  /** Stops hashing; the handler goes on with what is hashed. */
  close(): Promise<void>;
}

export function peerDistDirectory(options: PeerDistDirectoryOptions): PeerDistDirectory {
  const files = new WeakMap<ServerResponse, ServedFile>();
  const publications = filePublications(options);
  const plain = directoryHandler({
    root: options.root,
    ...(options.observer && { observer: options.observer }),
    onFile: (response, file) => files.set(response, file),
  });
  return {
    handler: withPeerDist(plain, {
      ...options,
      publications,
      resourceKey: (_request, response) => files.get(response)?.path,
    }),
    close: () => publications.close(),
  };
}
