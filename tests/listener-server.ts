/** A whole server with one listener of each kind, in this process. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, formatLogLine, isJsonObject, type JsonObject } from '@coffer/base';
import { createCertificateAuthority } from '@coffer/testkit';
import { parseServerConfig } from '../apps/coffer/src/config/server-config.ts';
import { type Server, startServer } from '../apps/coffer/src/server.ts';

export const authority = await createCertificateAuthority();
export const clients = await createCertificateAuthority('Clients');
export const others = await createCertificateAuthority('Others');
const identity = await authority.issue({ commonName: 'coffer', dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] });
export const known = await clients.issue({ commonName: 'known', client: true });
export const stranger = await others.issue({ commonName: 'stranger', client: true });

const KINDS = ['plain', 'proxied', 'lenient', 'tls', 'mutual', 'shut', 'strict', 'small', 'unix'] as const;
export type Kind = (typeof KINDS)[number];

let directory: string;
export let server: Server;
export let token = '';
export let log = '';

export const file = (name: string): string => join(directory, name);
const certificate = (): string => `tls_cert_file = "${file('cert.pem')}"\n tls_key_file = "${file('key.pem')}"`;

/** In the order of {@link KINDS}. */
export function configuration(headers = '"200" = { "X-Kind" = ["good"] }'): string {
  const tcp = (keys: string): string => `listener "tcp" {\n address = "127.0.0.1:0"\n ${keys}\n}`;
  return [
    tcp(`tls_disable = true
      custom_response_headers {
        "default" = { "X-All" = ["a", "b"], "Strict-Transport-Security" = ["max-age=1"] }
        "4xx" = { "X-Kind" = ["refused"] }
        "403" = { "X-Kind" = ["denied"] }
        ${headers}
      }
      redact_version = true
      redact_cluster_name = true
      telemetry { disallow_metrics = true }
      inflight_requests_logging { unauthenticated_in_flight_requests_access = true }`),
    tcp(`tls_disable = true
      x_forwarded_for_authorized_addrs = "127.0.0.1"
      x_forwarded_for_client_cert_header = "X-Client-Cert"
      x_forwarded_for_client_cert_header_decoders = "URL,DER"`),
    tcp(`tls_disable = true
      x_forwarded_for_authorized_addrs = "127.0.0.9"
      x_forwarded_for_hop_skips = 1
      x_forwarded_for_reject_not_present = false
      x_forwarded_for_reject_not_authorized = false`),
    tcp(certificate()),
    tcp(`${certificate()}
      tls_require_and_verify_client_cert = true
      tls_client_ca_file = "${file('clients.pem')}"`),
    tcp(`${certificate()}
      tls_disable_client_certs = true`),
    tcp(`${certificate()}
      tls_min_version = "tls12"
      tls_max_version = "tls12"
      tls_cipher_suites = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"`),
    tcp(`tls_disable = true
      max_request_size = 1000
      max_request_json_strings = 5
      http_read_timeout = "1s"
      telemetry { metrics_only = false }`),
    `listener "unix" {
      address = "${file('coffer.sock')}"
      socket_mode = "0660"
    }`,
    `storage "file" { path = "${file('data')}" }`,
  ].join('\n');
}

export async function startListeners(): Promise<void> {
  directory = await mkdtemp(join(tmpdir(), 'coffer-listeners-'));
  await writeFile(file('cert.pem'), identity.certificatePem);
  await writeFile(file('key.pem'), identity.privateKeyPem);
  await writeFile(file('clients.pem'), clients.certificatePem);
  const logger = createLogger('', 'debug', (entry) => (log += formatLogLine(entry)));
  server = await startServer(parseServerConfig(configuration(), 'c.hcl'), {}, logger);
  const made = await ask('plain', 'PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 });
  const { root_token: root, keys } = made.body as { root_token: string; keys: string[] };
  token = root;
  await ask('plain', 'PUT', 'sys/unseal', { key: keys[0] ?? '' });
}
export async function stopListeners(): Promise<void> {
  await server.close(0);
  await rm(directory, { recursive: true, force: true });
}

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: JsonObject;
}

export const addressOf = (kind: Kind): URL => new URL(server.addresses[KINDS.indexOf(kind)] ?? '');

export function ask(
  kind: Kind,
  method: string,
  path: string,
  body?: JsonObject,
  more: RequestOptions = {},
): Promise<Answer> {
  const { protocol, hostname, port, pathname } = addressOf(kind);
  const where = protocol === 'unix:' ? { socketPath: pathname } : { host: hostname, port };
  const headers = { ...(token !== '' && { 'X-Vault-Token': token }), ...(more.headers as Record<string, string>) };
  return new Promise((resolve, reject) => {
    const options = {
      ...where,
      method,
      path: `/v1/${path}`,
      agent: false,
      ca: authority.certificatePem,
      ...more,
      headers,
    };
    const request = (protocol === 'https:' ? requestHttps : requestHttp)(options, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (text += chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const parsed: unknown = text === '' ? {} : JSON.parse(text);
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: isJsonObject(parsed) ? parsed : {} });
      });
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
