import { Loggers, type MetricsView } from '@coffer/base';
import type { CoreServices, SealControl, Snapshots } from '@coffer/core';
import type { EngineFactory, InFlightRequest, Path } from '@coffer/framework';
import { NOT_WATCHED } from './not-watched.ts';
import { auditPaths } from './path-audit.ts';
import { auditHashPaths } from './path-audit-hash.ts';
import { authPaths } from './path-auth.ts';
import { authTunePaths } from './path-auth-tune.ts';
import { capabilitiesPaths } from './path-capabilities.ts';
import { configAuditingRequestHeadersPaths } from './path-config-auditing-request-headers.ts';
import { configReloadPaths } from './path-config-reload.ts';
import { configStateSanitizedPaths } from './path-config-state-sanitized.ts';
import { generateRootPaths } from './path-generate-root.ts';
import { haStatusPaths } from './path-ha-status.ts';
import { healthPaths } from './path-health.ts';
import { hostInfoPaths } from './path-host-info.ts';
import { inFlightReqPaths } from './path-in-flight-req.ts';
import { initPaths } from './path-init.ts';
import { internalCountersPaths } from './path-internal-counters.ts';
import { internalSpecsOpenapiPaths } from './path-internal-specs-openapi.ts';
import { internalUiMountsPaths } from './path-internal-ui-mounts.ts';
import { keyStatusPaths } from './path-key-status.ts';
import { leaderPaths } from './path-leader.ts';
import { leasesPaths } from './path-leases.ts';
import { lockedUsersPaths } from './path-locked-users.ts';
import { loggersPaths } from './path-loggers.ts';
import { monitorPaths } from './path-monitor.ts';
import { metricsPaths } from './path-metrics.ts';
import { mountsPaths } from './path-mounts.ts';
import { mountsTunePaths } from './path-mounts-tune.ts';
import { pluginsCatalogPaths } from './path-plugins-catalog.ts';
import { pluginsPinsPaths } from './path-plugins-pins.ts';
import { pluginsReloadPaths } from './path-plugins-reload.ts';
import { pluginsRuntimesCatalogPaths } from './path-plugins-runtimes-catalog.ts';
import { policiesAclPaths } from './path-policies-acl.ts';
import { policiesPasswordPaths } from './path-policies-password.ts';
import { policyPaths } from './path-policy.ts';
import { quotasPaths } from './path-quotas.ts';
import { rekeyPaths } from './path-rekey.ts';
import { remountPaths } from './path-remount.ts';
import { renewPaths } from './path-renew.ts';
import { revokePaths } from './path-revoke.ts';
import { rotatePaths } from './path-rotate.ts';
import { sealPaths } from './path-seal.ts';
import { sealStatusPaths } from './path-seal-status.ts';
import { stepDownPaths } from './path-step-down.ts';
import { storagePaths } from './path-storage.ts';
import { toolsPaths } from './path-tools.ts';
import { unsealPaths } from './path-unseal.ts';
import { versionHistoryPaths } from './path-version-history.ts';
import { wrappingPaths } from './path-wrapping.ts';
import type { PluginDirectory } from './plugin-directory.ts';
import { NOT_CONFIGURED, type ServerConfiguration } from './server-configuration.ts';
import type { ServerInfo } from './server-info.ts';

export type { ServerConfiguration, ServerInfo };

export interface SystemEngineOptions {
  readonly services: CoreServices;
  readonly server: ServerInfo;
  readonly seal: SealControl;
  /** Default: none. */
  readonly loggers?: Loggers;
  /** Default: that of a server without a file. */
  readonly configuration?: ServerConfiguration;
  readonly requestsInFlight: () => readonly InFlightRequest[];
  readonly snapshots: Pick<Snapshots, 'save' | 'restore'>;
  /** Default: there are none. */
  readonly metrics?: MetricsView;
  /** Without it no plugin can be registered. */
  readonly pluginDirectory?: PluginDirectory;
}

/** The paths under `sys/` that also answer while sealed. */
export function sealedPaths(server: ServerInfo, seal: SealControl, metrics: MetricsView = NOT_WATCHED): Path[] {
  return [
    ...sealStatusPaths(server, seal),
    ...healthPaths(server, seal),
    ...leaderPaths(seal.node),
    ...stepDownPaths(),
    ...initPaths(seal),
    ...unsealPaths(server, seal),
    ...metricsPaths(metrics),
  ];
}

/** The engine at `sys/`. A tuning path goes before the mount path that would match it too. */
export function createSystemEngine(options: SystemEngineOptions): EngineFactory {
  const { services, server, seal, requestsInFlight, snapshots, pluginDirectory } = options;
  const { loggers = new Loggers('info', () => undefined), configuration = NOT_CONFIGURED } = options;
  const {
    audit,
    authority,
    identity,
    leaseList,
    leases,
    lockedUsers,
    mounts,
    passwordPolicies,
    plugins,
    policies,
    quotas,
    reloads,
    remounts,
    systemTtl,
    tokens,
    versions,
    wrapping,
  } = services;
  const sealed = new AbortController();
  return () => ({
    help: 'The system backend is built-in to Vault and cannot be remounted or unmounted. It contains the paths that are used to configure Vault itself as well as perform core operations.',
    paths: [
      ...sealedPaths(server, seal, options.metrics),
      ...haStatusPaths(seal.node),
      ...inFlightReqPaths(requestsInFlight),
      ...sealPaths(seal),
      ...rekeyPaths(seal),
      ...generateRootPaths(seal.generateRoot),
      ...rotatePaths(seal),
      ...keyStatusPaths(seal),
      ...mountsTunePaths(mounts, systemTtl),
      ...mountsPaths(mounts, leases),
      ...remountPaths(remounts),
      ...authTunePaths(mounts, systemTtl),
      ...authPaths(mounts, leases),
      ...auditPaths(audit),
      ...auditHashPaths(audit.table),
      ...configAuditingRequestHeadersPaths(audit.headers),
      ...leasesPaths(leaseList, leases, tokens, mounts),
      ...renewPaths(leases),
      ...revokePaths(leases),
      ...policiesAclPaths(policies),
      ...policyPaths(policies),
      ...policiesPasswordPaths(passwordPolicies),
      ...lockedUsersPaths(lockedUsers),
      ...quotasPaths(quotas, mounts),
      ...capabilitiesPaths(tokens, authority),
      ...pluginsCatalogPaths(plugins, pluginDirectory),
      ...pluginsReloadPaths(mounts, plugins, reloads),
      ...pluginsPinsPaths(plugins.pins),
      ...pluginsRuntimesCatalogPaths(),
      ...internalUiMountsPaths(mounts, tokens, authority),
      ...internalSpecsOpenapiPaths(mounts, server),
      ...wrappingPaths(wrapping),
      ...loggersPaths(loggers),
      ...monitorPaths(loggers, tokens, sealed.signal),
      ...configStateSanitizedPaths(configuration),
      ...configReloadPaths(configuration),
      ...versionHistoryPaths(versions),
      ...toolsPaths(),
      ...hostInfoPaths(),
      ...internalCountersPaths(leaseList, identity),
      ...storagePaths(snapshots),
    ],
    async close() {
      sealed.abort();
    },
  });
}
