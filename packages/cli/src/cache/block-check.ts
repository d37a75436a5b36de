import { makeBlockCheck, type SecretStore } from "@branchcache/cache-store";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { nodeBlockCipher } from "@branchcache/retrieval/node";

/** Checks stored blocks of segments whose secret is known: decrypts each, and compares its hash. */
export function blockCheck(secrets: Pick<SecretStore, "get">): ReturnType<typeof makeBlockCheck> {
  return makeBlockCheck({
    engine: nodeHashEngine,
    open: (sealed, secret, lengthBytes) => nodeBlockCipher.open(sealed, secret, lengthBytes),
    secretOf: (id) => secrets.get(id),
  });
}
