/** The Node.js side: AES of `node:crypto`, HTTP over `node:net`, a listener for `node:http`. */
export { nodeBlockCipher } from "./node/block-cipher.ts";
export { nodeHttpPort } from "./node/http-port.ts";
export { createRetrievalHttpServer } from "./node/http-server.ts";
export { type RetrievalRequestListener, retrievalRequestListener } from "./node/request-listener.ts";
