/** A server that asks for client certificates, and whoever logs in there by one. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, formatLogLine, type JsonObject } from '@coffer/base';
import { ApiError, type Client, createClient } from '@coffer/client';
import { parseServerConfig } from '../../apps/coffer/src/config/server-config.ts';
import { type Server, startServer } from '../../apps/coffer/src/server.ts';
import { identity, people, servers, type Shown } from './cert-people.ts';

// Not an interface: a JSON value can be taken for it.
export type CertAuth = { client_token: string; metadata: JsonObject; token_policies: string[] };

/** Its listeners: with certificates, without TLS, with TLS alone, behind a proxy. */
export class CertServer {
  readonly directory: string;
  readonly #server: Server;
  readonly #log: () => string;
  root = '';
  /** As root. */
  api: Client;

  private constructor(directory: string, server: Server, log: () => string) {
    [this.directory, this.#server, this.#log] = [directory, server, log];
    this.api = this.connect();
  }

  static async start(): Promise<CertServer> {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-cert-'));
    await writeFile(join(directory, 'cert.pem'), identity.certificatePem);
    await writeFile(join(directory, 'key.pem'), identity.privateKeyPem);
    const files = `tls_cert_file = "${directory}/cert.pem"\n tls_key_file = "${directory}/key.pem"`;
    const config = `
      listener "tcp" {\n address = "127.0.0.1:0"\n ${files}\n}
      listener "tcp" {\n address = "127.0.0.1:0"\n tls_disable = true\n}
      listener "tcp" {\n address = "127.0.0.1:0"\n ${files}\n tls_disable_client_certs = true\n}
      listener "tcp" {
        address = "127.0.0.1:0"
        tls_disable = true
        x_forwarded_for_authorized_addrs = "127.0.0.1"
        x_forwarded_for_client_cert_header = "X-Client-Cert"
        x_forwarded_for_client_cert_header_decoders = "URL,DER"
      }
      storage "file" { path = "${directory}/data" }`;
    let log = '';
    const logger = createLogger('', 'debug', (entry) => (log += formatLogLine(entry)));
    const server = await startServer(parseServerConfig(config, 'c.hcl'), {}, logger);
    const started = new CertServer(directory, server, () => log);
    const shares = { secret_shares: 1, secret_threshold: 1 };
    const made = (await started.api.request('PUT', 'sys/init', { body: shares })).body as JsonObject;
    started.root = made['root_token'] as string;
    await started.api.request('PUT', 'sys/unseal', { body: { key: (made['keys'] as string[])[0] ?? '' } });
    started.api = started.connect(undefined, started.root);
    return started;
  }

  async close(): Promise<void> {
    await this.#server.close(0);
    await rm(this.directory, { recursive: true, force: true });
  }

  get address(): string {
    return this.#server.addresses[0] ?? '';
  }

  log(): string {
    return this.#log();
  }

  connect(shown?: Shown, token?: string, listener = 0, headers: Record<string, string> = {}): Client {
    return createClient({
      address: this.#server.addresses[listener] ?? '',
      caCert: servers.certificatePem,
      headers,
      ...(token !== undefined && { token }),
      ...(shown && { clientCert: shown.certificatePem, clientKey: shown.privateKeyPem }),
    });
  }

  trust(name: string, more: JsonObject = {}, certificate = people.certificatePem): Promise<unknown> {
    return this.api.write(`auth/cert/certs/${name}`, { certificate, token_policies: 'default', ...more });
  }

  /** The auth of a login, or what the refusal says. */
  async login(
    shown?: Shown,
    body: JsonObject = {},
    listener = 0,
    headers: Record<string, string> = {},
  ): Promise<CertAuth | string> {
    try {
      const client = this.connect(shown, undefined, listener, headers);
      return ((await client.request('PUT', 'auth/cert/login', { body })).body as { auth: CertAuth }).auth;
    } catch (thrown) {
      if (!(thrown instanceof ApiError)) throw thrown;
      return `${thrown.status} ${thrown.errors.join()}`;
    }
  }

  async loggedIn(...given: Parameters<CertServer['login']>): Promise<CertAuth> {
    const auth = await this.login(...given);
    assert.ok(typeof auth !== 'string', JSON.stringify(auth));
    return auth;
  }
}

export const refused = (text: string): string => `400 ${text}`;
export const NO_CHAIN = refused('invalid certificate or no client certificate supplied');
export const NO_MATCH = refused('no chain matching all constraints could be found for this login certificate');
