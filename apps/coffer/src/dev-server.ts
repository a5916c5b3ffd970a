import { CofferError, errorText, type Logger, Secret } from '@coffer/base';
import type { SealableCore } from '@coffer/core';
import type { RequestHandler } from '@coffer/framework';
import { createHttpEdge, InFlight } from '@coffer/http';
import { Registry, watchProcess } from '@coffer/metrics';
import { openEmbeddedStore, watchedStore } from '@coffer/store';
import { openTraces } from '@coffer/traces';
import { userLockoutOf } from './config/user-lockout-config.ts';
import { composeSealable } from './compose.ts';
import { registerPluginDirectory } from './plugin-directory.ts';
import type { ServerOperation } from './server.ts';

export interface DevServerOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Generated when absent. */
  readonly rootToken?: string;
  /** Those of its executables that turn out to be database plugins are registered in the catalog. */
  readonly pluginDirectory?: string;
  /** Where it may name a collector for traces. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly operation?: ServerOperation;
}

export interface DevServer {
  /** `http://127.0.0.1:8200` */
  readonly address: string;
  readonly rootToken: Secret;
  /** In base64, for `operator unseal` after `operator seal`. */
  readonly unsealKey: Secret;
  /** Names of the plugins that were registered from the plugin directory. */
  readonly registeredPlugins: readonly string[];
  /** Opens the files of the audit devices again, which may have been renamed. */
  reopen(): Promise<void>;
  /**
   * Stops accepting, revokes every lease (nothing would remember them after this process), ends the plugins and closes the
   * store. Never rejects.
   */
  close(): Promise<void>;
}

/** How long revoking the leases may take when a development server ends, in milliseconds. */
const FAREWELL_MS = 15_000;

/**
 * A server in development mode: in memory, unsealed, with one root token and no TLS.
 *
 * @throws CofferError `failed` when it cannot listen on the address, or the plugin directory cannot be read
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const { logger, pluginDirectory, operation, env = {} } = options;
  const userLockout = userLockoutOf({}, env);
  const metrics = new Registry();
  const store = watchedStore(await openEmbeddedStore({ path: ':memory:' }), metrics);
  const unwatch = watchProcess(metrics);
  const traces = await openTraces(undefined, env, logger.named('traces'));
  const inFlight = new InFlight();
  const sealable = composeSealable({
    store,
    storageType: 'inmem',
    inFlight,
    userLockout,
    metrics,
    logger,
    ...(operation && { loggers: operation.loggers }),
    ...(operation?.configuration && { configuration: operation.configuration }),
    ...(pluginDirectory !== undefined && { pluginDirectory }),
    audit: {
      devices: () => [],
      rules: () => ({}),
      place: { reserved: () => [...(operation?.ownPaths ?? []), ...(pluginDirectory ? [pluginDirectory] : [])] },
    },
  });
  const handle: RequestHandler = (request) => sealable.handle(request);
  const edge = createHttpEdge({
    handle: operation?.requests.around(handle) ?? handle,
    takesLargeBody: (caller) => sealable.takesLargeBody(caller),
    admit: async (request) => (await sealable.core?.admit(request)) ?? {},
    inFlight,
    takesRawBody: (path) => sealable.core?.takesRawBody(path) ?? path.startsWith('sys/storage/'),
    ...(traces && { tracer: traces.tracer }),
    refuseForeignPages: true,
    logger: logger.named('http'),
  });

  const close = async (): Promise<void> => {
    operation?.loggers.endFollowers();
    await edge.close(5_000);
    await farewell(sealable, logger);
    await sealable.stop();
    unwatch();
    await store.close();
    await traces?.close();
  };
  try {
    const { rootToken, unsealKey } = await openSeal(sealable, options.rootToken);
    const registeredPlugins =
      pluginDirectory === undefined || sealable.core === undefined
        ? []
        : await registerPluginDirectory(sealable.core, pluginDirectory, logger);
    const { address, port } = await edge.listen(options.host, options.port);
    const host = address.includes(':') ? `[${address}]` : address;
    const url = `http://${host}:${port}`;
    sealable.listensAt(url);
    let closing: Promise<void> | undefined;
    return {
      address: url,
      rootToken,
      unsealKey,
      registeredPlugins,
      reopen: async () => sealable.core?.services.audit.reload(),
      close: () => (closing ??= close()),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** One share, as in Vault's development mode. */
async function openSeal(
  sealable: SealableCore,
  wanted: string | undefined,
): Promise<{ rootToken: Secret; unsealKey: Secret }> {
  const { rootToken, unsealShares } = await sealable.init({
    unseal: { shares: 1, threshold: 1 },
    ...(wanted !== undefined && { rootToken: wanted }),
  });
  const [share = new Uint8Array()] = unsealShares;
  const unsealKey = new Secret(Buffer.from(share).toString('base64'));
  await sealable.unseal(Uint8Array.from(share));
  return { rootToken, unsealKey };
}

async function farewell({ core }: SealableCore, logger: Logger): Promise<void> {
  if (core === undefined) return;
  const timeout = new AbortController();
  const patience = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new CofferError('unavailable', 'out of time')), FAREWELL_MS);
    timeout.signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  try {
    await Promise.race([core.services.leases.revokePrefix(''), patience]);
  } catch (error) {
    logger.error('some leases were not revoked: their users stay until VALID UNTIL', { error: errorText(error) });
  } finally {
    timeout.abort();
  }
}
