import type { CoreServices, EngineFactory } from '@coffer/core';
import { capabilitiesPaths } from './path-capabilities.ts';
import { internalUiPaths } from './path-internal-ui.ts';
import { leasesPaths } from './path-leases.ts';
import { mountsPaths } from './path-mounts.ts';
import { passwordPoliciesPaths } from './path-password-policies.ts';
import { pluginsCatalogPaths } from './path-plugins-catalog.ts';
import { pluginsReloadPaths } from './path-plugins-reload.ts';
import { policiesPaths } from './path-policies.ts';
import { type ServerInfo, statusPaths } from './path-status.ts';

export type { ServerInfo } from './path-status.ts';

export interface SystemEngineOptions {
  readonly services: CoreServices;
  readonly server: ServerInfo;
  /** Absolute path; without it no plugin can be registered. */
  readonly pluginDirectory?: string;
}

/** The engine at `sys/`: one file for each group of paths, named for its URL. */
export function createSystemEngine(options: SystemEngineOptions): EngineFactory {
  const { services, server, pluginDirectory } = options;
  return () => ({
    help: 'The system backend is built-in to Vault and cannot be remounted or unmounted. It contains the paths that are used to configure Vault itself as well as perform core operations.',
    paths: [
      ...statusPaths(server),
      ...mountsPaths(services),
      ...leasesPaths(services),
      ...policiesPaths(services),
      ...passwordPoliciesPaths(services),
      ...capabilitiesPaths(services),
      ...pluginsCatalogPaths(services, pluginDirectory),
      ...pluginsReloadPaths(services),
      ...internalUiPaths(services),
    ],
    close: () => Promise.resolve(),
  });
}
