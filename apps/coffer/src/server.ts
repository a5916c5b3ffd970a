import { type Logger, type Loggers } from '@coffer/base';
import type { ServerConfiguration } from '@coffer/engine-system';
import { type IncomingRequest, type RequestHandler, SYSTEM_TTL } from '@coffer/framework';
import { requireNoMigration } from '@coffer/core';
import { InFlight } from '@coffer/http';
import { Registry, watchProcess } from '@coffer/metrics';
import { openTraces } from '@coffer/traces';
import { type ComposeOptions, composeSealable } from './compose.ts';
import { watchIdleMemory } from './idle-memory.ts';
import type { ListenAddress } from './listen-address.ts';
import { type Listeners, openListeners } from './listeners.ts';
import { openStorage } from './open-storage.ts';
import { ownPaths } from './config/own-paths.ts';
import { defined } from './config/config-values.ts';
import type { ListenerConfig } from './config/listener-config.ts';
import type { ServerConfig } from './config/server-config.ts';
import { userLockoutOf } from './config/user-lockout-config.ts';
import type { RequestLog } from './request-log.ts';
import { QuietMoment } from './server-replacement.ts';
import { readSeals } from './seals.ts';

export interface Server {
  readonly addresses: readonly string[];
  /** See {@link Listeners}. */
  readonly descriptions: readonly string[];
  readonly bound: readonly ListenAddress[];
  /**
   * Reads the certificates of the listeners again, takes over what they serve without a token, the headers of answers and which audit
   * devices there are, and opens the files of those again.
   */
  reload(config: ServerConfig): Promise<void>;
  /**
   * Resolves some seconds after a seal that nobody has opened again: then only the end of this process can take what was
   * secret out of its memory.
   */
  readonly sealed: Promise<void>;
  /** From now on `sys/health` answers 503, so that load balancers look elsewhere; everything else is served as before. */
  retire(): void;
  /**
   * Stops accepting, lets requests under way finish for `graceMs` (30 s), then ends the core, the plugins and the store.
   * Leases stay: the next start goes on with them. Never rejects; may be called again.
   */
  close(graceMs?: number): Promise<void>;
}

/** What operators see of a server, and change while it runs. */
export interface ServerOperation {
  readonly loggers: Loggers;
  readonly requests: RequestLog;
  readonly configuration?: ServerConfiguration;
  /** Of its configuration and its log: no audit device may write there. See {@link ownPaths}. */
  readonly ownPaths?: readonly string[];
}

/** How long requests under way may still take when the server ends, in milliseconds. */
const DRAIN_MS = 30_000;

/**
 * A server whose state outlives it. It starts sealed, unless its seal opens by itself and the store is initialized. Keys
 * and the token of a seal in `env` are removed from it. `replaced`: where the previous process listened when it was sealed; the server then stays sealed.
 *
 * @throws CofferError `invalid-request` or `failed`, naming what in the configuration cannot be used
 */
export async function startServer(
  config: ServerConfig,
  env: Record<string, string | undefined>,
  logger: Logger,
  replaced?: readonly ListenAddress[],
  operation?: ServerOperation,
): Promise<Server> {
  const traces = await openTraces(config.telemetry?.otlpEndpoint, env, logger.named('traces'));
  const seals = replaced === undefined ? await readSeals(config, env, logger.named('seal')) : {};
  const metrics = new Registry(config.telemetry);
  const store = await openStorage(config.storage, logger.named('storage'), metrics);
  const unwatch = watchProcess(metrics);
  const endMemoryWatch = watchIdleMemory(logger.named('memory'));
  const { pluginDirectory, pluginTrust, apiAddr, clusterName } = config;
  const quiet = new QuietMoment(logger);
  let current = config;
  const inFlight = new InFlight(config.requestLimiter);
  const sealable = composeSealable({
    store,
    storageType: config.storage.type,
    ...seals,
    ...(replaced && { staySealed: true }),
    ...(pluginDirectory !== undefined && { pluginDirectory }),
    ...(pluginTrust && { pluginTrust }),
    ...(apiAddr !== undefined && { address: apiAddr }),
    ...(clusterName !== undefined && { clusterName }),
    systemTtl: systemTtlOf(config),
    userLockout: userLockoutOf(config, env),
    audit: {
      devices: () => current.audit.devices,
      rules: () => current.audit.rules,
      place: { reserved: () => [...(operation?.ownPaths ?? []), ...ownPaths(config), ...ownPaths(current)] },
    },
    inFlight,
    metrics,
    ...defined('usagePeriodMs', config.telemetry?.usagePeriodMs),
    onSealed: (seal) => quiet.sealed(seal),
    ...(operation && forOperators(operation)),
    logger,
  });
  const handle: RequestHandler = (request) => {
    quiet.request();
    return sealable.handle(request);
  };
  let listeners: Listeners | undefined;
  const close = async (graceMs: number): Promise<void> => {
    operation?.loggers.endFollowers();
    await listeners?.close(graceMs);
    await sealable.stop();
    quiet.stop();
    unwatch();
    endMemoryWatch();
    await store.close();
    await traces?.close();
  };
  try {
    await requireNoMigration(store);
    await sealable.start();
    const backend = {
      handle: operation?.requests.around(handle) ?? handle,
      takesLargeBody: sealable.takesLargeBody.bind(sealable),
      admit: (request: IncomingRequest) => sealable.core?.admit(request),
      // While sealed, what is sent there is refused unread.
      takesRawBody: (path: string) => sealable.core?.takesRawBody(path) ?? path.startsWith('sys/storage/'),
      inFlight,
      ...(traces && { tracer: traces.tracer }),
    };
    const opened = await openListeners(atTheSamePorts(config.listeners, replaced), backend, logger);
    listeners = opened;
    const address = opened.addresses.find((each) => !each.startsWith('unix:'));
    if (apiAddr === undefined && address !== undefined) sealable.listensAt(address);
    let closing: Promise<void> | undefined;
    return {
      addresses: opened.addresses,
      descriptions: opened.descriptions,
      bound: opened.bound,
      sealed: quiet.found,
      retire: () => sealable.node.retire(),
      async reload(fresh) {
        current = fresh;
        metrics.configure(fresh.telemetry ?? {});
        await Promise.all([opened.reload(fresh.listeners), sealable.core?.services.audit.reload()]);
      },
      close: (graceMs = DRAIN_MS) => (closing ??= close(graceMs)),
    };
  } catch (error) {
    await close(0);
    throw error;
  }
}

/** What the paths for operators show. */
function forOperators({ loggers, configuration }: ServerOperation): Pick<ComposeOptions, 'loggers' | 'configuration'> {
  return { loggers, ...(configuration && { configuration }) };
}

/** A listener that was given any free port keeps the one it had. `replaced`: those on TCP, in their order. */
function atTheSamePorts(
  configs: readonly ListenerConfig[],
  replaced: readonly ListenAddress[] = [],
): readonly ListenerConfig[] {
  const free = [...replaced];
  return configs.map((config) => {
    if ('socket' in config) return config;
    const former = free.shift();
    return config.port === 0 ? { ...config, ...former } : config;
  });
}

function systemTtlOf({ defaultLeaseTtl, maxLeaseTtl }: ServerConfig): typeof SYSTEM_TTL {
  const maxTtl = maxLeaseTtl || SYSTEM_TTL.maxTtl;
  return { defaultTtl: Math.min(defaultLeaseTtl || SYSTEM_TTL.defaultTtl, maxTtl), maxTtl };
}
