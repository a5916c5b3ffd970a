import { CofferError, errorText, type Logger, type Secret } from '@coffer/base';
import { Barrier, type Core, createKeyring, ROOT_POLICY } from '@coffer/core';
import { createHttpEdge } from '@coffer/http';
import { openEmbeddedStore } from '@coffer/store';
import { composeCore } from './compose.ts';
import { registerPluginDirectory } from './plugin-directory.ts';

export interface DevServerOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Made when absent. */
  readonly rootToken?: string;
  /** Its executables that answer as database plugins are registered in the catalog. */
  readonly pluginDirectory?: string;
  readonly logger: Logger;
}

export interface DevServer {
  /** `http://127.0.0.1:8200` */
  readonly address: string;
  readonly rootToken: Secret;
  /** Names of the plugins that were registered from the plugin directory. */
  readonly registeredPlugins: readonly string[];
  /**
   * Stops accepting, revokes every lease (nothing would remember them after this process), ends plugins, closes the
   * store. Resolves in every case.
   */
  close(): Promise<void>;
}

/** How long the leases of a development server may take to be revoked at its end, in milliseconds. */
const FAREWELL_MS = 15_000;

/**
 * A server in development mode: in memory, unsealed, with one root token and no TLS.
 *
 * @throws CofferError `failed` when the address cannot be had, or a plugin directory cannot be read
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const { logger, pluginDirectory } = options;
  const store = await openEmbeddedStore({ path: ':memory:' });
  const { core, plugins } = composeCore({
    store,
    barrier: new Barrier(createKeyring()),
    storageType: 'inmem',
    logger,
    ...(pluginDirectory !== undefined && { pluginDirectory }),
  });
  const edge = createHttpEdge({ handle: (request) => core.handle(request), logger: logger.named('http') });

  const close = async (): Promise<void> => {
    await edge.close(5_000);
    await farewell(core, logger);
    await core.stop();
    await plugins.close();
    await store.close();
  };
  try {
    const registeredPlugins =
      pluginDirectory === undefined ? [] : await registerPluginDirectory(core, pluginDirectory, logger);
    const rootToken = await createRootToken(core, options.rootToken);
    await core.start();
    const { address, port } = await edge.listen(options.host, options.port);
    const host = address.includes(':') ? `[${address}]` : address;
    let closing: Promise<void> | undefined;
    return {
      address: `http://${host}:${port}`,
      rootToken,
      registeredPlugins,
      close: () => (closing ??= close()),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function createRootToken(core: Core, wanted: string | undefined): Promise<Secret> {
  const { token } = await core.services.tokens.create({
    ...(wanted !== undefined && { token: wanted }),
    parent: '',
    displayName: 'token',
    policies: [ROOT_POLICY],
    path: 'auth/token/create',
    meta: null,
    creationTime: Date.now(),
    creationTtl: 0,
    expireTime: null,
    explicitMaxTtl: 0,
    period: 0,
    numUses: 0,
    renewable: false,
  });
  return token;
}

async function farewell(core: Core, logger: Logger): Promise<void> {
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
    logger.error('leases are left behind: their users live until VALID UNTIL', { error: errorText(error) });
  } finally {
    timeout.abort();
  }
}
