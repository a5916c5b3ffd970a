import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';

export interface TransitStandInOptions {
  /** In PEM: speaks TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly token?: string;
  /** What `renew-self` gives, in seconds; 0: the token cannot be renewed. */
  readonly period?: number;
  readonly port?: number;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly token: string;
  readonly namespace: string;
  readonly body: Readonly<Record<string, string>>;
}

type Answer = readonly [status: number, body: unknown];
const refused = (status: number, error: string): Answer => [status, { errors: [error] }];

/** A server with one transit key, `transit/…/unseal`, whose answers are those of OpenBao 2.7.2, word for word. */
export class TransitStandIn {
  readonly asked: Asked[] = [];
  /** In place of what it would say. */
  answer: ((asked: Asked) => Answer | 'hang' | undefined) | undefined;
  minDecryptionVersion = 1;
  period: number;
  readonly #keys = [randomBytes(32)];
  readonly #token: string;
  readonly #server: Server;

  private constructor({ tls, token = 'transit-token', period = 3600 }: TransitStandInOptions) {
    this.#token = token;
    this.period = period;
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      this.#serve(request, response).catch(() => response.destroy());
    };
    this.#server = tls === undefined ? createHttp(serve) : createHttps(tls, serve);
    this.#server.on('tlsClientError', () => undefined);
  }

  static async start(options: TransitStandInOptions = {}): Promise<TransitStandIn> {
    const standIn = new TransitStandIn(options);
    standIn.#server.listen(options.port ?? 0, '127.0.0.1');
    await once(standIn.#server, 'listening');
    return standIn;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** A new version of the key; what is older still opens. */
  rotate(): void {
    this.#keys.push(randomBytes(32));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const header = (name: string): string => String(request.headers[name] ?? '');
    const asked: Asked = {
      method: request.method ?? '',
      path: (request.url ?? '').replace('/v1/', ''),
      token: header('x-vault-token'),
      namespace: header('x-vault-namespace'),
      body: JSON.parse((await textOf(request)) || '{}') as Asked['body'],
    };
    this.asked.push(asked);
    const answer = this.answer?.(asked) ?? this.#answer(asked);
    if (answer === 'hang') return;
    const [status, body] = answer;
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  #answer({ path, token, body }: Asked): Answer {
    if (token !== this.#token) return refused(403, 'permission denied');
    const [mount = '', operation = '', key = ''] = path.split('/');
    if (path === 'auth/token/renew-self') return this.#renewed();
    if (mount !== 'transit') return refused(404, `no handler for route "${path}". route entry not found.`);
    if (key !== 'unseal') return refused(400, 'encryption key not found');
    return operation === 'encrypt'
      ? this.#encrypted(body['plaintext'] ?? '')
      : this.#decrypted(body['ciphertext'] ?? '');
  }

  #renewed(): Answer {
    if (this.period === 0) return refused(400, 'lease is not renewable');
    return answered({ auth: { client_token: this.#token, lease_duration: this.period, renewable: true } });
  }

  #encrypted(plaintext: string): Answer {
    const version = this.#keys.length;
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#keys[version - 1] ?? '', nonce);
    const sealed = Buffer.concat([nonce, cipher.update(plaintext, 'base64'), cipher.final(), cipher.getAuthTag()]);
    return answered({ data: { ciphertext: `vault:v${version}:${sealed.toString('base64')}`, key_version: version } });
  }

  #decrypted(ciphertext: string): Answer {
    const [, version = '', value = ''] = /^vault:v(\d+):(.+)$/.exec(ciphertext) ?? [];
    if (Number(version) < this.minDecryptionVersion) {
      return refused(400, 'ciphertext or signature version is disallowed by policy (too old)');
    }
    const bytes = Buffer.from(value, 'base64');
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#keys[Number(version) - 1] ?? '', bytes.subarray(0, 12));
      decipher.setAuthTag(bytes.subarray(-16));
      const opened = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
      return answered({ data: { plaintext: opened.toString('base64') } });
    } catch {
      return refused(400, 'cipher: message authentication failed');
    }
  }
}

function answered(parts: Readonly<Record<string, unknown>>): Answer {
  const envelope = { request_id: '', lease_id: '', renewable: false, lease_duration: 0 };
  return [200, { ...envelope, data: null, wrap_info: null, warnings: null, auth: null, ...parts }];
}
