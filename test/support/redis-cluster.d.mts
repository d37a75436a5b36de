export interface RedisNode {
  readonly port: number;
  readonly role: "master" | "replica";
  /** Asks it one thing, with redis-cli; gives what it prints. */
  ask(...command: readonly string[]): Promise<string>;
  signal(signal: NodeJS.Signals): void;
}

export interface RedisCluster extends AsyncDisposable {
  /** `127.0.0.1:port`, masters first. */
  readonly nodes: readonly string[];
  /** As they were made. */
  readonly masters: readonly RedisNode[];
  readonly replicas: readonly RedisNode[];
  /** Resolves once so many masters answer for all slots. */
  whole(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Three masters and three replicas on loopback, without files of their own. `settings` go to every node, as
 * on redis-server's command line.
 */
export function startRedisCluster(program: string, settings?: readonly string[]): Promise<RedisCluster>;

export interface RedisServer extends Pick<RedisNode, "ask"> {
  /** `127.0.0.1:port`. */
  readonly node: string;
  close(): Promise<void>;
}

/** One server that is a cluster by itself, on loopback, without files of its own. */
export function startRedisServer(program: string, settings?: readonly string[]): Promise<RedisServer>;
