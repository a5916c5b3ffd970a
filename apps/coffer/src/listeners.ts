import { readFile } from 'node:fs/promises';
import { CofferError, errorText, type Logger } from '@coffer/base';
import type { SealableCore } from '@coffer/core';
import { BodyBudget, createHttpEdge, type HttpEdge, type TlsIdentity } from '@coffer/http';
import type { ListenerConfig } from './server-config.ts';
import { formatListenAddress } from './listen-address.ts';

export interface Listeners {
  /** `http://127.0.0.1:8200`, one a listener. */
  readonly addresses: readonly string[];
  /** Reads the certificates again. One that cannot be used is reported, and the old one stays. */
  reload(): Promise<void>;
  /** Lets requests under way finish for `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** @throws CofferError `invalid-request` for a certificate that cannot be used, `failed` for an address not to be had */
export async function openListeners(
  configs: readonly ListenerConfig[],
  sealable: SealableCore,
  logger: Logger,
): Promise<Listeners> {
  const bodyBudget = new BodyBudget();
  const opened: { edge: HttpEdge; config: ListenerConfig; address: string }[] = [];
  const close = async (graceMs: number): Promise<void> => {
    await Promise.all(opened.map(({ edge }) => edge.close(graceMs)));
  };
  try {
    for (const config of configs) {
      const tls = config.tls && (await readIdentity(config.tls));
      const maxDurationMs = config.maxRequestMs;
      const edge = createHttpEdge({
        handle: (request) => sealable.handle(request),
        takesLargeBody: (caller) => sealable.takesLargeBody(caller),
        bodyBudget,
        logger: logger.named('http'),
        ...(tls && { tls }),
        ...(maxDurationMs !== undefined && { maxDurationMs }),
      });
      const { address: host, port } = await edge.listen(config.host, config.port);
      const address = `${tls === undefined ? 'http' : 'https'}://${formatListenAddress({ host, port })}`;
      opened.push({ edge, config, address });
    }
  } catch (error) {
    await close(0);
    throw error;
  }
  return {
    addresses: opened.map(({ address }) => address),
    async reload() {
      for (const { edge, config, address } of opened) {
        if (config.tls === undefined) continue;
        try {
          edge.setTls(await readIdentity(config.tls));
          logger.info('reloaded the certificate', { listener: address });
        } catch (error) {
          logger.error('the certificate was not reloaded; the old one stays', {
            listener: address,
            error: errorText(error),
          });
        }
      }
    },
    close,
  };
}

async function readIdentity({ certFile, keyFile }: NonNullable<ListenerConfig['tls']>): Promise<TlsIdentity> {
  try {
    return { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
  } catch (cause) {
    throw new CofferError('invalid-request', `listener "tcp": ${errorText(cause)}`, { cause });
  }
}
