/** A directory of files over HTTP: ranges, conditional requests, no dotfiles, nothing outside the root. */
import type { ReadStream, Stats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { errorMessage, type Observer, silentObserver } from "@branchcache/runtime";
import send from "send";
import type { RequestHandler } from "../content-server.ts";
import { fileEtag } from "../publications/file-validator.ts";
import { refuse } from "../refuse.ts";
import { openUnder, readPath } from "./resolve-file.ts";

/** A file that is about to be sent. */
export interface ServedFile {
  /** Real path, without links. */
  readonly path: string;
  /** Strong, in quotes, of the file's `stat`: see `fileEtag`. */
  readonly etag: string;
  readonly sizeBytes: number;
}

/** What a `directoryHandler` serves, and whom it tells. */
export interface DirectoryHandlerOptions {
  /** The directory: nothing outside it is served, not through links either. */
  readonly root: string;
  /** Told of requests that failed, as `publish.failed`; these are answered with 500. Default: nobody. */
  readonly observer?: Observer;
  /** Called with each file before its answer is written. */
  readonly onFile?: (response: ServerResponse, file: ServedFile) => void;
}

/** Answers GET and HEAD; 405 for other methods, 404 for directories: there is no listing. */
export function directoryHandler(options: DirectoryHandlerOptions): RequestHandler {
  const { root, observer = silentObserver, onFile = () => {} } = options;

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      refuse(response, 405);
      return;
    }
    const reading = readPath(request.url ?? "");
    if (reading.kind === "refused") {
      refuse(response, reading.status);
      return;
    }
    const file = await openUnder(root, reading.segments);
    if (file.kind === "refused") {
      refuse(response, file.status);
      return;
    }
    const { handle, path, stats } = file;
    // Whatever ends the answer ends the file; a read stream that was started may have closed it before.
    const closeFile = () => void handle.close().catch(() => {});
    if (response.destroyed) {
      closeFile();
      return;
    }
    response.once("close", closeFile);
    const etag = fileEtag(stats);
    const sizeBytes = Number(stats.size);
    onFile(response, { path, etag, sizeBytes });
    response.setHeader("ETag", etag);
    sendFile(request, response, handle, path, sizeBytes, new Date(Number(stats.mtimeMs)));
  };

  return (request, response) => {
    serve(request, response).catch((error: unknown) => {
      observer.event("error", "publish.failed", { reason: errorMessage(error) });
      if (response.headersSent) response.destroy();
      else refuse(response, 500);
    });
  };
}

/** Sends from the handle, never by name: the file that was checked is the file that is sent. */
function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  handle: FileHandle,
  path: string,
  sizeBytes: number,
  modified: Date,
): void {
  const options: send.SendOptions & { readonly fd: FileHandle } = {
    fd: handle,
    cacheControl: false,
    // The path was checked, and a root that lies below a dotfile is the administrator's wish.
    dotfiles: "allow",
  };
  const stream = send(request, path, options);
  stream.on("error", (error: Error & { statusCode?: number; headers?: Record<string, string> }) => {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    for (const name of ["Content-Type", "Last-Modified", "ETag"]) response.removeHeader(name);
    for (const [name, value] of Object.entries(error.headers ?? {})) response.setHeader(name, value);
    refuse(response, error.statusCode ?? 500);
  });
  stream.on("stream", (source: ReadStream) => {
    const dueBytes = Number(response.getHeader("Content-Length"));
    // The file was cut short: closing is the only way left to say so.
    source.once("end", () => {
      if (source.bytesRead < dueBytes) response.destroy();
    });
  });
  Object.assign(stream, { res: response }).send(path, { size: sizeBytes, mtime: modified } as Stats);
}
