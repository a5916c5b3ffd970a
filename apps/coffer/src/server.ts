import type { Logger } from '@coffer/base';
import { SYSTEM_TTL } from '@coffer/core';
import { composeSealable } from './compose.ts';
import { type Listeners, openListeners } from './listeners.ts';
import { openStorage } from './open-storage.ts';
import type { ServerConfig } from './server-config.ts';
import { readStaticSeal } from './static-seal.ts';

export interface Server {
  readonly addresses: readonly string[];
  /** Reads the certificates of the listeners again. */
  reload(): Promise<void>;
  /**
   * Stops accepting, lets requests under way finish, ends the core, plugins and the store. Leases stay: the next start
   * goes on with them. Resolves in every case; may be called again.
   */
  close(): Promise<void>;
}

/** How long requests under way may take at the end, in milliseconds. */
const DRAIN_MS = 30_000;

/**
 * A server whose state outlives it. It starts sealed, unless it has a static seal and the store is initialized.
 *
 * @throws CofferError `invalid-request` or `failed`, saying what of the configuration cannot be had
 */
export async function startServer(
  config: ServerConfig,
  env: Readonly<Record<string, string | undefined>>,
  logger: Logger,
): Promise<Server> {
  const staticSeal = config.seal && (await readStaticSeal(config.seal, env));
  const store = await openStorage(config.storage, logger.named('storage'));
  const { pluginDirectory, clusterName } = config;
  const sealable = composeSealable({
    store,
    storageType: config.storage.type,
    ...(staticSeal && { staticSeal }),
    ...(pluginDirectory !== undefined && { pluginDirectory }),
    ...(clusterName !== undefined && { clusterName }),
    systemTtl: systemTtlOf(config),
    logger,
  });
  let listeners: Listeners | undefined;
  const close = async (): Promise<void> => {
    await listeners?.close(DRAIN_MS);
    await sealable.stop();
    await store.close();
  };
  try {
    await sealable.start();
    const opened = await openListeners(config.listeners, sealable, logger);
    listeners = opened;
    let closing: Promise<void> | undefined;
    return {
      addresses: opened.addresses,
      reload: () => opened.reload(),
      close: () => (closing ??= close()),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function systemTtlOf({ defaultLeaseTtl, maxLeaseTtl }: ServerConfig): typeof SYSTEM_TTL {
  const maxTtl = maxLeaseTtl || SYSTEM_TTL.maxTtl;
  return { defaultTtl: Math.min(defaultLeaseTtl || SYSTEM_TTL.defaultTtl, maxTtl), maxTtl };
}
