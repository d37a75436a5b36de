const RECEIVED_AT_ONCE_BYTES = 256 * 1024;

/** For `onread` of a socket: reads into one buffer again and again; frames take their bytes out of it. */
export class ReceivedBytes {
  /** Bytes are good until it returns. */
  listener: (buffer: Uint8Array, lengthBytes: number) => void = () => {};
  readonly onread = {
    buffer: new Uint8Array(RECEIVED_AT_ONCE_BYTES),
    /** Hands the first `lengthBytes` of the buffer to `listener`. Always true: reading goes on. */
    callback: (lengthBytes: number, buffer: Uint8Array): boolean => {
      this.listener(buffer, lengthBytes);
      return true;
    },
  };
}
