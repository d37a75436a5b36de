/** Downloads through a `BranchCache`, wherever it runs: without the node, for who has a daemon. */
export { type DownloadOptions, download } from "./download/download.ts";
export { createFileSink, type FileSink } from "./download/file-sink.ts";
export { branchCacheInterceptor, type InterceptorOptions } from "./download/interceptor.ts";
export type { DownloadProgress, DownloadReport } from "./download/report.ts";
export type { DownloadSink, PartialContent } from "./download/sink.ts";
export { createStreamSink } from "./download/stream-sink.ts";
