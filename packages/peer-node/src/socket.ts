/** The caller's side of the daemon's socket, its frames and its place: a small part to load, without the node behind it. */
export { connectBranchCache } from "./api/client.ts";
export { FrameWriter, type Room } from "./api/frame-writer.ts";
export { FRAME_MAX_BYTES, FrameReader, type FrameReaderOptions } from "./api/frames.ts";
export { isPipeName } from "./api/pipe-name.ts";
export { ReceivedBytes } from "./api/received-bytes.ts";
export {
  clearSocketPlace,
  isAnswered,
  LONGEST_PATH_BYTES,
  type SocketPlaceOptions,
  socketError,
} from "./api/socket-place.ts";
