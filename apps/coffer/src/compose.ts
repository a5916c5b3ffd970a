import { createAppRoleAuth } from '@coffer/auth-approle';
import { createJwtAuth } from '@coffer/auth-jwt';
import { createKubernetesAuth } from '@coffer/auth-kubernetes';
import { createCertAuth } from '@coffer/auth-cert';
import { createTokenAuth, type TokenAuthOptions } from '@coffer/auth-token';
import { createUserpassAuth } from '@coffer/auth-userpass';
import {
  API_VERSION,
  BUILTIN_VERSION,
  type FileTrust,
  type Logger,
  type Loggers,
  type Metrics,
  type MetricsView,
} from '@coffer/base';
import {
  type AuditSetup,
  type BuiltCore,
  Core,
  type CoreServices,
  type OpenParts,
  SealableCore,
  Snapshots,
  type SealableCoreOptions,
} from '@coffer/core';
import { ROOT_POLICY, type TtlLimits, type UserLockout } from '@coffer/framework';
import { createCubbyholeEngine } from '@coffer/engine-cubbyhole';
import { createDatabaseEngine, createDatabasePlugins, probeDatabasePlugin } from '@coffer/engine-database';
import { createIdentityEngine } from '@coffer/engine-identity';
import { createSystemEngine, sealedPaths, type ServerConfiguration } from '@coffer/engine-system';
import type { InFlight } from '@coffer/http';
import type { Store } from '@coffer/store';
import { checkYsqlConfig, mergeYsqlConfig, YSQL } from '@coffer/ysql';

export interface ComposeOptions {
  readonly store: Store;
  /** As `sys/seal-status` names it. */
  readonly storageType: string;
  /** Absolute; without it nothing can be registered in the plugin catalog. */
  readonly pluginDirectory?: string;
  /** Who may own the plugin directory and its files, and in which mode. */
  readonly pluginTrust?: FileTrust;
  /** Opens the seal without shares; with the other one, the store may be moved to it. */
  readonly autoSeal?: SealableCoreOptions['autoSeal'];
  readonly formerSeal?: SealableCoreOptions['formerSeal'];
  /** Keeps a seal closed that opens by itself. */
  readonly staySealed?: boolean;
  /** Called when a seal has closed and nothing is left behind it. */
  readonly onSealed?: SealableCoreOptions['onSealed'];
  /** Where clients reach this node, for the others to see. */
  readonly address?: string;
  /** The name that the cluster gets when its store is opened for the first time; generated when absent. */
  readonly clusterName?: string;
  /** The limits of mounts that have none of their own. Default: Vault's 768 hours. */
  readonly systemTtl?: TtlLimits;
  /** When users who fail to log in are locked out, by the type of the auth method. Default: Vault's. */
  readonly userLockout?: (type: string) => UserLockout;
  /** What the configuration says of audit devices. Default: nothing. */
  readonly audit?: AuditSetup;
  /** Those that `logger` is of. */
  readonly loggers?: Loggers;
  /** What the files say that it was started with, if it was. */
  readonly configuration?: ServerConfiguration;
  /** The requests under way on all listeners. */
  readonly inFlight?: InFlight;
  /** What is counted of it, and shown. Default: nothing. */
  readonly metrics?: Metrics & MetricsView;
  /** See {@link CoreOptions}. */
  readonly usagePeriodMs?: number;
  readonly logger: Logger;
}

/** The whole server without its listeners, behind its seal. Call `start()` on it. */
export function composeSealable(options: ComposeOptions): SealableCore {
  const { store, storageType, autoSeal, formerSeal, staySealed, onSealed, address, clusterName, logger } = options;
  const { metrics } = options;
  const sealable: SealableCore = new SealableCore({
    store,
    ...(autoSeal && { autoSeal }),
    ...(formerSeal && { formerSeal }),
    ...(staySealed !== undefined && { staySealed }),
    ...(onSealed && { onSealed }),
    ...(address !== undefined && { address }),
    ...(clusterName !== undefined && { clusterName }),
    build: (parts) => composeCore(options, parts),
    sealedPaths: (seal) => sealedPaths({ version: API_VERSION, storageType }, seal, metrics),
    logger: logger.named('core'),
  });
  if (metrics !== undefined) watchCore(sealable, metrics);
  return sealable;
}

function watchCore(sealable: SealableCore, metrics: Metrics): void {
  const mountCount = (type: string, auth: boolean) => ({
    labels: { type, local: 'false' },
    value: sealable.core?.services.mounts.list(auth).length ?? 0,
  });
  metrics.gauge('vault.core.unsealed', () => (sealable.core === undefined ? 0 : 1));
  metrics.gauge('vault.core.active', () =>
    sealable.core === undefined || sealable.node.refusal !== undefined ? 0 : 1,
  );
  metrics.gauge('vault.core.in_flight_requests', () => sealable.core?.inFlight ?? 0);
  metrics.gauge('vault.core.mount_table.num_entries', () => [mountCount('logical', false), mountCount('auth', true)]);
}

/**
 * Other names of the built-in plugin. Terraform's provider takes no name for its `postgresql` block that does not begin so,
 * and the last one when none is given (hashicorp/terraform-provider-vault:vault/resource_database_secret_backend_connection.go).
 */
const YSQL_ALIASES = ['postgresql-ysql-plugin', 'postgresql-database-plugin'] as const;

/** Puts the rooms together: which engines there are, what is built in, what is always mounted. */
function composeCore(options: ComposeOptions, { barrier, epochs, node, cluster, seal }: OpenParts): BuiltCore {
  const {
    store,
    storageType,
    systemTtl,
    userLockout,
    audit,
    metrics,
    usagePeriodMs,
    pluginDirectory: directory,
    pluginTrust: trust,
    logger,
  } = options;
  const core = new Core({
    store,
    barrier,
    epochs,
    node,
    logger: logger.named('core'),
    ...(systemTtl && { systemTtl }),
    ...(userLockout && { userLockout }),
    ...(audit && { audit }),
    onClient: (request, client) => options.inFlight?.identify(request, client),
    ...(metrics && { metrics }),
    ...(usagePeriodMs !== undefined && { usagePeriodMs }),
    builtinPlugins: [
      { name: 'ysql-plugin', type: 'database', version: BUILTIN_VERSION },
      ...YSQL_ALIASES.map((name) => ({ name, type: 'database', version: BUILTIN_VERSION, isAlias: true }) as const),
    ],
  });
  const { services } = core;
  const ysql = { ...YSQL, checkConfig: checkYsqlConfig, mergeConfig: mergeYsqlConfig, logger: logger.named('ysql') };
  const plugins = createDatabasePlugins({
    catalog: services.plugins,
    builtins: new Map(['ysql-plugin', ...YSQL_ALIASES].map((name) => [name, ysql])),
    ...(directory !== undefined && { directory }),
    ...(trust && { trust }),
    ...(metrics && { metrics }),
    logger: logger.named('plugin'),
  });
  const generatePassword = (policy: string): Promise<string> => services.passwordPolicies.generate(policy);
  const system = createSystemEngine({
    services,
    server: { version: API_VERSION, storageType },
    seal,
    ...(options.loggers && { loggers: options.loggers }),
    ...(options.configuration && { configuration: options.configuration }),
    requestsInFlight: () => options.inFlight?.list() ?? [],
    snapshots: new Snapshots({
      ...{ store, storageType, clusterName: cluster.name, barrier, epochs },
      logger: logger.named('snapshot'),
    }),
    ...(metrics && { metrics }),
    ...(directory !== undefined && {
      pluginDirectory: {
        path: directory,
        ...(trust && { trust }),
        reportedVersion: (entry) => probeDatabasePlugin(directory, entry, logger.named('plugin'), trust),
      },
    }),
  });
  const token = createTokenAuth(tokenAuthOptions(services));
  core.install({
    engines: new Map([['database', createDatabaseEngine({ plugins, generatePassword })]]),
    authMethods: new Map([
      ['approle', createAppRoleAuth(services.tokens)],
      ['jwt', createJwtAuth(services.tokens)],
      ['kubernetes', createKubernetesAuth(services.tokens)],
      ['oidc', createJwtAuth(services.tokens)],
      ['cert', createCertAuth(services.tokens)],
      ['userpass', createUserpassAuth(services.tokens)],
    ]),
    builtins: new Map([
      [
        'sys/',
        {
          type: 'system',
          description: 'system endpoints used for control, policy and debugging',
          factory: system,
        },
      ],
      [
        'cubbyhole/',
        {
          type: 'cubbyhole',
          description: 'per-token private secret storage',
          factory: createCubbyholeEngine(services.cubbyholes),
        },
      ],
      ['identity/', { type: 'identity', description: 'identity store', factory: createIdentityEngine(services) }],
      ['auth/token/', { type: 'token', description: 'token based credentials', factory: token }],
    ]),
  });
  return { core, close: () => plugins.close() };
}

function tokenAuthOptions({ tokens, authority, mounts }: CoreServices): TokenAuthOptions {
  return {
    tokens,
    hasSudo: async (token, path) => {
      const capabilities = (await authority.capabilitiesOf(token))(path);
      return capabilities.includes('sudo') || capabilities.includes(ROOT_POLICY);
    },
    engineFor: (path) => mounts.engineFor(path),
    identityPoliciesOf: (token) => authority.identityPoliciesOf(token),
  };
}
