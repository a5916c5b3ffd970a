import { CofferError, redact, Secret, timeLeft } from '@coffer/base';
import { ApiError, type Client, createClient, type TlsOptions } from '@coffer/client';

/** For one request, in milliseconds: shorter than a node may be silent. */
const TIMEOUT_MS = 5_000;
/** An answer holds one key of 32 bytes, and what Vault says about it. */
const MOST_BYTES = 64 * 1024;
const MOST_ERROR = 300;
/** `vault:v3:BASE64`; the prefix is the other server's. */
const CIPHERTEXT = /^[a-z]{1,16}:(v[0-9]{1,9}):[A-Za-z0-9+/]{16,2048}={0,2}$/;

export interface TransitServer extends TlsOptions {
  readonly address: string;
  readonly token: Secret;
  readonly namespace?: string;
  readonly mountPath: string;
  readonly keyName: string;
}

export interface Encrypted {
  readonly ciphertext: string;
  /** `v1`, `v2`, …: of the key there. */
  readonly version: string;
}

/** What a token is worth after it was renewed. */
export interface Renewed {
  readonly seconds: number;
  readonly renewable: boolean;
}

/**
 * The requests that a seal makes. Each throws CofferError `unavailable` when the same one may succeed later, `failed` when not; nothing
 * that is secret is in the text, whatever the server says.
 */
export class TransitApi {
  readonly #server: TransitServer;
  readonly #client: Client;

  /** @throws CofferError `invalid-request` for an address or a token that cannot be used */
  constructor(server: TransitServer) {
    this.#server = server;
    this.#client = createClient({ ...server, maxResponseBytes: MOST_BYTES });
  }

  async encrypt(key: Uint8Array): Promise<Encrypted> {
    const plaintext = Buffer.from(key).toString('base64');
    const answer = await this.#ask('encrypt', { plaintext }, plaintext);
    const ciphertext = answer?.['ciphertext'];
    const [, version] = typeof ciphertext === 'string' ? (CIPHERTEXT.exec(ciphertext) ?? []) : [];
    if (typeof ciphertext !== 'string' || version === undefined) throw this.#strange('encrypt');
    return { ciphertext, version };
  }

  async decrypt(ciphertext: string): Promise<Uint8Array> {
    const plaintext = (await this.#ask('decrypt', { ciphertext }))?.['plaintext'];
    if (typeof plaintext !== 'string' || !/^[A-Za-z0-9+/]{43}=$/.test(plaintext)) throw this.#strange('decrypt');
    return Uint8Array.from(Buffer.from(plaintext, 'base64'));
  }

  async renew(): Promise<Renewed> {
    const path = 'auth/token/renew-self';
    try {
      const { leaseDuration = 0, renewable = false } = (await this.#timed().write(path, {}))?.auth ?? {};
      return { seconds: leaseDuration, renewable };
    } catch (thrown) {
      throw this.#failure(path, thrown);
    }
  }

  async #ask(
    operation: 'encrypt' | 'decrypt',
    body: Readonly<Record<string, string>>,
    secret = '',
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    try {
      return (await this.#timed().write(this.#path(operation), body))?.data ?? undefined;
    } catch (thrown) {
      throw this.#failure(this.#path(operation), thrown, secret);
    }
  }

  #timed(): Client {
    return this.#client.with({ timeoutMs: Math.max(1, timeLeft(TIMEOUT_MS)) });
  }

  #path(operation: string): string {
    return `${this.#server.mountPath}/${operation}/${this.#server.keyName}`;
  }

  /** Without a cause: that holds the answer as it came. */
  #failure(path: string, thrown: unknown, secret = ''): CofferError {
    const { code, message } = CofferError.from(thrown);
    const api = thrown instanceof ApiError ? thrown : undefined;
    const said = api === undefined ? message : `${api.status} ${api.errors.join('; ')}`;
    const mayPass = api === undefined ? code === 'unavailable' : api.status === 429 || api.status >= 500;
    const secrets = [this.#server.token, ...(secret === '' ? [] : [new Secret(secret)])];
    const text = redact(said, { secrets, names: [] })
      .slice(0, MOST_ERROR)
      .replaceAll(/[^\x20-\x7e]+/g, ' ')
      .trim();
    return new CofferError(
      mayPass ? 'unavailable' : 'failed',
      `seal "transit": ${path} at ${this.#server.address}: ${text}`,
    );
  }

  #strange(operation: string): CofferError {
    const text = 'the answer is not that of a transit engine';
    return new CofferError('failed', `seal "transit": ${this.#path(operation)} at ${this.#server.address}: ${text}`);
  }
}
