import { authPaths } from './path-auth.ts';
import type { CoreServices, SealControl } from '@coffer/core';
import type { EngineFactory, Path } from '@coffer/framework';
import { capabilitiesPaths } from './path-capabilities.ts';
import { generateRootPaths } from './path-generate-root.ts';
import { initPaths } from './path-init.ts';
import { internalUiPaths } from './path-internal-ui.ts';
import { leasesPaths } from './path-leases.ts';
import { mountsPaths } from './path-mounts.ts';
import { openapiPaths } from './path-openapi.ts';
import { passwordPoliciesPaths } from './path-password-policies.ts';
import { type PluginDirectory, pluginsCatalogPaths } from './path-plugins-catalog.ts';
import { pluginsReloadPaths } from './path-plugins-reload.ts';
import { policiesPaths } from './path-policies.ts';
import { rekeyPaths } from './path-rekey.ts';
import { rotatePaths } from './path-rotate.ts';
import { sealPaths } from './path-seal.ts';
import { type ServerInfo, statusPaths } from './path-status.ts';
import { wrappingPaths } from './path-wrapping.ts';
import { unsealPaths } from './path-unseal.ts';

export type { ServerInfo } from './path-status.ts';

export interface SystemEngineOptions {
  readonly services: CoreServices;
  readonly server: ServerInfo;
  readonly seal: SealControl;
  /** Without it no plugin can be registered. */
  readonly pluginDirectory?: PluginDirectory;
}

/** The paths under `sys/` that answer while sealed too. */
export function sealedPaths(server: ServerInfo, seal: SealControl): Path[] {
  return [...statusPaths(server, seal), ...initPaths(seal), ...unsealPaths(server, seal)];
}

/** The engine at `sys/`: one file for each group of paths, named for its URL. */
export function createSystemEngine(options: SystemEngineOptions): EngineFactory {
  const { services, server, seal, pluginDirectory } = options;
  return () => ({
    help: 'The system backend is built-in to Vault and cannot be remounted or unmounted. It contains the paths that are used to configure Vault itself as well as perform core operations.',
    paths: [
      ...sealedPaths(server, seal),
      ...sealPaths(seal),
      ...rekeyPaths(seal),
      ...generateRootPaths(seal),
      ...rotatePaths(seal),
      ...mountsPaths(services),
      ...authPaths(services),
      ...leasesPaths(services),
      ...policiesPaths(services),
      ...passwordPoliciesPaths(services),
      ...capabilitiesPaths(services),
      ...pluginsCatalogPaths(services, pluginDirectory),
      ...pluginsReloadPaths(services),
      ...internalUiPaths(services),
      ...openapiPaths(services, server),
      ...wrappingPaths(services),
    ],
    close: () => Promise.resolve(),
  });
}
