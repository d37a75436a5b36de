/** The status as Get-BCStatus names it, so that scripts of Windows administrators port easily. */
import type { CacheStatus, Status } from "./status.ts";

const MODES: Readonly<Record<Status["client"]["mode"], number>> = {
  disabled: 0,
  "hosted-server": 0,
  local: 1,
  distributed: 2,
  "hosted-client": 3,
  auto: 3,
};

export function windowsNames(status: Status): Readonly<Record<string, unknown>> {
  const { client, network, cache } = status;
  // Whether firewall rules are there is not known here; `doctor` looks at them.
  const unknown = null;
  // There is no SMB here, and no port to connect to: each peer names its own in its answer to a probe.
  const none = null;
  return {
    BranchCacheIsEnabled: status.enabled,
    BranchCacheServiceStatus: "Running",
    BranchCacheServiceStartType: unknown,
    ClientConfiguration: {
      CurrentClientMode: MODES[client.mode],
      PreferredContentInformationVersion: client.preferred_content_information_version,
      DistributedCachingIsEnabled: client.distributed_caching_enabled,
      ServeDistributedCachingPeersOnBatteryPower: client.serve_on_battery,
      HostedCacheServerList: client.hosted_cache_servers,
      HostedCacheDiscoveryEnabled: client.hosted_cache_discovery_enabled,
      HostedCacheVersion: client.hosted_cache_version,
      MinimumSmbLatencyInMilliseconds: none,
    },
    ContentServerConfiguration: { ContentServerIsEnabled: status.content_server.enabled },
    HostedCacheServerConfiguration: {
      HostedCacheServerIsEnabled: status.hosted_server.enabled,
      ClientAuthenticationMode: status.hosted_server.client_auth === "none" ? 0 : 1,
      HostedCacheScpRegistrationEnabled: false,
    },
    NetworkConfiguration: {
      ContentRetrievalUrlReservationEnabled: network.retrieval.serving,
      HostedCacheHttpUrlReservationEnabled: status.hosted_server.enabled,
      HostedCacheHttpsUrlReservationEnabled: status.hosted_server.enabled,
      ContentRetrievalFirewallRulesEnabled: unknown,
      PeerDiscoveryFirewallRulesEnabled: unknown,
      HostedCacheServerFirewallRulesEnabled: unknown,
      HostedCacheClientFirewallRulesEnabled: unknown,
      ContentDownloadListenPort: network.retrieval.listen_port,
      ContentDownloadConnectPort: none,
      HostedCacheHttpListenPort: network.hosted_http.listen_port,
      HostedCacheHttpConnectPort: network.hosted_http.connect_port,
      HostedCacheHttpsListenPort: network.hosted_https.listen_port,
      HostedCacheHttpsConnectPort: network.hosted_https.connect_port,
    },
    HashCache: cacheNames(cache.hash),
    DataCache: cacheNames(cache.data),
  };
}

function cacheNames(cache: CacheStatus): Readonly<Record<string, unknown>> {
  return {
    MaxCacheSizeAsPercentageOfDiskVolume: cache.max_percent,
    MaxCacheSizeAsNumberOfBytes: cache.max_bytes,
    CurrentSizeOnDiskAsNumberOfBytes: cache.disk_bytes,
    CurrentActiveCacheSize: cache.active_bytes,
    CacheFileDirectoryPath: cache.path,
  };
}
