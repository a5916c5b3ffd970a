import { readFile } from 'node:fs/promises';
import { CofferError, errorText, type Logger } from '@coffer/base';
import type { IncomingRequest, UnauthenticatedAccess } from '@coffer/framework';
import type { Core, SealableCore } from '@coffer/core';
import { BodyBudget, createHttpEdge, type HttpEdge, type TlsIdentity } from '@coffer/http';
import type { ListenerConfig } from './config/listener-config.ts';
import { formatListenAddress, type ListenAddress } from './listen-address.ts';

export interface Listeners {
  /** `http://127.0.0.1:8200`, one for each listener. */
  readonly addresses: readonly string[];
  /** The same, with the ports that were free. */
  readonly bound: readonly ListenAddress[];
  /**
   * Reads the certificates again, and takes over from `configs` what each listener serves without a token. A certificate that
   * cannot be used is reported, and the old one stays.
   */
  reload(configs: readonly ListenerConfig[]): Promise<void>;
  /** Lets requests under way finish for `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** @throws CofferError `invalid-request` for a certificate that cannot be used, `failed` when it cannot listen on an address */
export async function openListeners(
  configs: readonly ListenerConfig[],
  backend: Pick<SealableCore, 'handle' | 'takesLargeBody'> & Pick<Core, 'admit'>,
  logger: Logger,
): Promise<Listeners> {
  const bodyBudget = new BodyBudget();
  const opened: { edge: HttpEdge; config: ListenerConfig; address: string; bound: ListenAddress; access: Access }[] =
    [];
  const close = async (graceMs: number): Promise<void> => {
    await Promise.all(opened.map(({ edge }) => edge.close(graceMs)));
  };
  try {
    for (const config of configs) {
      const tls = config.tls && (await readIdentity(config.tls));
      const maxDurationMs = config.maxRequestMs;
      const access = new Access(config, logger.named('listener'));
      const edge = createHttpEdge({
        handle: (request) => backend.handle(access.admit(request)),
        takesLargeBody: (caller) => backend.takesLargeBody(caller),
        admit: (caller) => backend.admit(caller),
        bodyBudget,
        logger: logger.named('http'),
        ...(tls && { tls }),
        ...(maxDurationMs !== undefined && { maxDurationMs }),
      });
      const { address: host, port } = await edge.listen(config.host, config.port);
      const bound = { host, port };
      const address = `${tls === undefined ? 'http' : 'https'}://${formatListenAddress(bound)}`;
      opened.push({ edge, config, address, bound, access });
      if (config.unauthenticatedAccess !== undefined) access.report(address);
    }
  } catch (error) {
    await close(0);
    throw error;
  }
  return {
    addresses: opened.map(({ address }) => address),
    bound: opened.map(({ bound }) => bound),
    async reload(fresh) {
      for (const [index, { edge, config, address, access }] of opened.entries()) {
        if (access.change(fresh[index])) access.report(address);
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

/** What one listener serves without a token. */
class Access {
  readonly #logger: Logger;
  #open: readonly UnauthenticatedAccess[];

  constructor({ unauthenticatedAccess = [] }: ListenerConfig, logger: Logger) {
    this.#open = unauthenticatedAccess;
    this.#logger = logger;
  }

  admit(request: IncomingRequest): IncomingRequest {
    return this.#open.length === 0 ? request : { ...request, unauthenticatedAccess: this.#open };
  }

  /** Returns whether it differs from before. */
  change({ unauthenticatedAccess = [] }: Partial<ListenerConfig> = {}): boolean {
    const isOther = this.#open.join() !== unauthenticatedAccess.join();
    this.#open = unauthenticatedAccess;
    return isOther;
  }

  report(listener: string): void {
    if (this.#open.length === 0) this.#logger.info('nothing of the seal is served without a token', { listener });
    else this.#logger.warn('these are served without a token', { listener, paths: this.#open.join(', ') });
  }
}

async function readIdentity({ certFile, keyFile }: NonNullable<ListenerConfig['tls']>): Promise<TlsIdentity> {
  try {
    return { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
  } catch (cause) {
    throw new CofferError('invalid-request', `listener "tcp": ${errorText(cause)}`, { cause });
  }
}
