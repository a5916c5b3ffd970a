import { readFile } from 'node:fs/promises';
import { CofferError, errorText, type Logger, type Tracer } from '@coffer/base';
import type { Core, SealableCore } from '@coffer/core';
import type { IncomingRequest } from '@coffer/framework';
import { BodyBudget, createHttpEdge, type HttpEdge, type InFlight, type TlsIdentity } from '@coffer/http';
import type { ListenerConfig } from './config/listener-config.ts';
import { formatListenAddress, type ListenAddress } from './listen-address.ts';
import { ListenerView } from './listener-view.ts';

export interface Listeners {
  /** `http://127.0.0.1:8200` or `unix:///run/coffer.sock`, one for each listener. */
  readonly addresses: readonly string[];
  /** What each is, for people to read: `tcp (addr: "127.0.0.1:8200", tls: "enabled")`. */
  readonly descriptions: readonly string[];
  /** Those of the listeners on TCP, with the ports that were free. */
  readonly bound: readonly ListenAddress[];
  /**
   * Reads the certificates again, and takes over from `configs` what each listener serves without a token, and the headers of
   * its answers. A certificate that cannot be used is reported, and the old one stays.
   */
  reload(configs: readonly ListenerConfig[]): Promise<void>;
  /** Lets requests under way finish for `graceMs`. */
  close(graceMs: number): Promise<void>;
}

export interface Backend extends Pick<SealableCore, 'handle' | 'takesLargeBody'>, Pick<Core, 'takesRawBody'> {
  readonly admit: (request: IncomingRequest) => ReturnType<Core['admit']> | undefined;
  readonly inFlight: InFlight;
  readonly tracer?: Tracer;
}

interface Opened {
  readonly edge: HttpEdge;
  readonly config: ListenerConfig;
  readonly view: ListenerView;
  readonly address: string;
  readonly bound?: ListenAddress;
}

/** @throws CofferError `invalid-request` for a certificate that cannot be used, `failed` when it cannot listen on an address */
export async function openListeners(
  configs: readonly ListenerConfig[],
  backend: Backend,
  logger: Logger,
): Promise<Listeners> {
  const bodyBudget = new BodyBudget();
  const opened: Opened[] = [];
  const close = async (graceMs: number): Promise<void> => {
    await Promise.all(opened.map(({ edge }) => edge.close(graceMs)));
  };
  try {
    for (const config of configs) {
      const listener = await open(config, backend, bodyBudget, logger);
      opened.push(listener);
      if (config.unauthenticatedAccess !== undefined) listener.view.report(listener.address);
    }
  } catch (error) {
    await close(0);
    throw error;
  }
  return {
    addresses: opened.map(({ address }) => address),
    descriptions: opened.map(describe),
    bound: opened.flatMap(({ bound }) => bound ?? []),
    reload: async (fresh) => {
      for (const [index, listener] of opened.entries()) await reload(listener, fresh[index], logger);
    },
    close,
  };
}

async function open(config: ListenerConfig, backend: Backend, bodyBudget: BodyBudget, logger: Logger): Promise<Opened> {
  const tls = config.tls && (await readIdentity(config.tls));
  const { maxRequestMs, limits = {}, tlsRules, forwardedFor } = config;
  const { jsonMemoryBytes, jsonStrings, jsonDepth, jsonStringBytes, ...edgeLimits } = limits;
  const view = new ListenerView(config, logger.named('listener'));
  const edge = createHttpEdge({
    handle: (request) => view.serve(request, (each) => backend.handle(each)),
    takesLargeBody: (caller) => backend.takesLargeBody(caller),
    admit: (request) => backend.admit(request),
    takesRawBody: (path) => backend.takesRawBody(path),
    bodyBudget,
    inFlight: backend.inFlight,
    ...(backend.tracer && { tracer: backend.tracer }),
    responseHeaders: (status) => view.headers(status),
    logger: logger.named('http'),
    ...edgeLimits,
    jsonLimits: {
      ...(jsonMemoryBytes !== undefined && { memoryBytes: jsonMemoryBytes }),
      ...(jsonStrings !== undefined && { strings: jsonStrings }),
      ...(jsonDepth !== undefined && { depth: jsonDepth }),
      ...(jsonStringBytes !== undefined && { stringBytes: jsonStringBytes }),
    },
    ...(tls && { tls }),
    ...(tlsRules && { tlsRules }),
    ...(forwardedFor && { forwardedFor }),
    ...(maxRequestMs !== undefined && { maxDurationMs: maxRequestMs }),
  });
  if ('socket' in config) {
    await edge.listenOnSocket(config.socket);
    return { edge, config, view, address: `unix://${config.socket.path}` };
  }
  const { address: host, port } = await edge.listen(config.host, config.port);
  const bound = { host, port };
  const address = `${tls === undefined ? 'http' : 'https'}://${formatListenAddress(bound)}`;
  return { edge, config, view, address, bound };
}

/** As Vault's banner has it. */
function describe({ config, bound }: Opened): string {
  if (bound === undefined) return 'socket' in config ? `unix (addr: ${JSON.stringify(config.socket.path)})` : '';
  const tls = config.tls === undefined ? 'disabled' : 'enabled';
  return `tcp (addr: "${formatListenAddress(bound)}", tls: "${tls}")`;
}

async function reload(
  { edge, config, view, address }: Opened,
  fresh: ListenerConfig | undefined,
  logger: Logger,
): Promise<void> {
  if (view.change(fresh)) view.report(address);
  if (config.tls === undefined) return;
  try {
    edge.setTls(await readIdentity(config.tls));
    logger.info('reloaded the certificate', { listener: address });
  } catch (error) {
    logger.error('failed to reload the certificate; the old one stays in use', {
      listener: address,
      error: errorText(error),
    });
  }
}

async function readIdentity({
  certFile,
  keyFile,
  clientCaFile,
}: NonNullable<ListenerConfig['tls']>): Promise<TlsIdentity> {
  try {
    const clientCa = clientCaFile === undefined ? undefined : await readFile(clientCaFile, 'utf8');
    if (clientCa !== undefined && !clientCa.includes('-----BEGIN CERTIFICATE-----')) {
      throw new Error('failed to parse CA certificate in tls_client_ca_file');
    }
    const identity = { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
    return { ...identity, ...(clientCa !== undefined && { clientCa }) };
  } catch (cause) {
    throw new CofferError('invalid-request', `listener "tcp": ${errorText(cause)}`, { cause });
  }
}
