import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CofferError, formatGoDuration, Secret, trimBoth } from '@coffer/base';
import { type Client, type ClientOptions, type TlsOptions, createClient } from '@coffer/client';
import { readClientEnvironment } from './client-environment.ts';
import { fileReason, readText } from './file.ts';
import { reporting, serverFailure } from './failure.ts';
import type { Environment } from './flags.ts';
import type { HttpFlags } from './global-flags.ts';
import { createTokenHelper } from './token-helper.ts';

/**
 * The client that flags and environment describe, with the token in VAULT_TOKEN.
 *
 * @throws CommandFailure (exit code 2) when a file, a header or a variable cannot be used
 */
export async function connectWithoutHelper(http: HttpFlags, env: Environment): Promise<Client> {
  return createClient({
    address: http['agent-address'] ?? http.address,
    headers: customHeaders(http.header ?? {}),
    disableRedirects: http['disable-redirects'],
    mfa: http.mfa,
    ...defined({
      token: env['VAULT_TOKEN'] ? new Secret(env['VAULT_TOKEN']) : undefined,
      namespace: http.namespace === undefined ? undefined : canonicalNamespace(http.namespace),
      wrapTtl: http['wrap-ttl'] ? formatGoDuration(http['wrap-ttl']) : undefined,
    }),
    ...readClientEnvironment(env),
    ...(await reporting('failed to setup TLS config', readTls(http))),
  });
}

/** The same, or with the token helper's token where there is no VAULT_TOKEN. */
export async function connect(http: HttpFlags, env: Environment): Promise<Client> {
  const client = await connectWithoutHelper(http, env);
  if (client.options.token !== undefined) return client;
  const token = await reporting('failed to get token from token helper', createTokenHelper(env).read());
  return token === undefined ? client : client.with({ token });
}

/** The token that a client sends; empty when it sends none. */
export function tokenOf(client: Client): string {
  const { token } = client.options;
  return token instanceof Secret ? token.reveal() : (token ?? '');
}

function customHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const forbidden = Object.keys(headers).filter((name) => /^x-vault-/i.test(name));
  if (forbidden.length > 0) {
    throw serverFailure(
      `failed to setup headers [${forbidden.join(', ')}]: names that start with X-Vault- are for internal use`,
    );
  }
  return headers;
}

function canonicalNamespace(namespace: string): string {
  const trimmed = trimBoth(namespace, '/');
  return trimmed === '' || trimmed === 'root' ? '' : `${trimmed}/`;
}

async function readTls(http: HttpFlags): Promise<TlsOptions> {
  const certificate = http['client-cert'];
  const key = http['client-key'];
  if ((certificate === undefined) !== (key === undefined)) {
    throw new CofferError('invalid-request', 'both client cert and client key must be provided');
  }
  return {
    tlsSkipVerify: http['tls-skip-verify'],
    ...defined({
      caCert: await readAuthorities(http['ca-cert'], http['ca-path']),
      clientCert: certificate === undefined ? undefined : await readText(certificate),
      clientKey: key === undefined ? undefined : await readText(key),
      tlsServerName: http['tls-server-name'],
    }),
  };
}

async function readAuthorities(file: string | undefined, directory: string | undefined): Promise<string[] | undefined> {
  if (file !== undefined) return [await readText(file)];
  if (directory === undefined) return undefined;
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
    return await Promise.all(files.sort().map((name) => readText(join(directory, name))));
  } catch (thrown) {
    if (thrown instanceof CofferError) throw thrown;
    throw new CofferError('invalid-request', `open ${directory}: ${fileReason(thrown)}`, { cause: thrown });
  }
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends Partial<ClientOptions> | { [K in keyof ClientOptions]?: ClientOptions[K] | undefined }>(
  options: T,
): Defined<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<T>;
}
