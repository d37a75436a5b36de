/** Hosts of a small office: network namespaces on one bridge, which is a namespace of its own. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Office extends AsyncDisposable {
  /** The IPv4 address of a host. */
  address(host: string): string;
  /** What to put before a command so that it runs on the host. */
  on(host: string): readonly string[];
}

/** Needs root and `ip`. Addresses are 10.71.0.1, .2, ... in the order of the names. */
export async function openOffice(hosts: readonly string[]): Promise<Office> {
  // Not the process alone: of one that was killed, namespaces may be left, and its id is used again.
  const prefix = `bc${process.pid}-${randomBytes(3).toString("hex")}`;
  const bridge = `${prefix}-link`;
  const namespace = (host: string) => `${prefix}-${host}`;
  const ip = (...args: readonly string[]) => run("ip", args as string[]);
  const made: string[] = [];
  const addNamespace = async (name: string) => {
    await ip("netns", "add", name);
    made.push(name);
  };
  const dispose = async () => {
    for (const name of made.splice(0)) await ip("netns", "delete", name);
  };
  try {
    await addNamespace(bridge);
    await ip("-n", bridge, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0");
    await ip("-n", bridge, "link", "set", "br0", "up");
    for (const [i, host] of hosts.entries()) {
      const name = namespace(host);
      await addNamespace(name);
      await ip(
        "-n",
        bridge,
        "link",
        "add",
        `port${i}`,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        name,
      );
      await ip("-n", bridge, "link", "set", `port${i}`, "master", "br0", "up");
      await ip("-n", name, "address", "add", `10.71.0.${i + 1}/24`, "dev", "eth0");
      await ip("-n", name, "link", "set", "lo", "up");
      // Duplicate address detection would keep IPv6 link-local unusable for two seconds.
      await ip("netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0");
      await ip("-n", name, "link", "set", "eth0", "up");
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    address: (host) => `10.71.0.${hosts.indexOf(host) + 1}`,
    on: (host) => ["ip", "netns", "exec", namespace(host)],
    [Symbol.asyncDispose]: dispose,
  };
}
