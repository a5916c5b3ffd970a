import { CofferError, parseExactJson, Secret, type JsonValue } from '@coffer/base';
import { ApiError } from './api-error.ts';
import { type Query, parseEndpoint, requestTarget } from './endpoint.ts';
import type { ProxyChoice } from './proxy.ts';
import type { RateLimit } from './rate-limit.ts';
import { type SecretResponse, parseSecretResponse } from './secret-response.ts';
import { type Answer, exchange, open, type TlsOptions, type Transfer } from './transport.ts';

export interface ClientOptions extends TlsOptions {
  /** `http://`, `https://` or `unix://` URL; a path in it goes in front of `/v1`. */
  readonly address: string;
  /** Sent as X-Vault-Token; none when absent or empty. */
  readonly token?: string | Secret;
  readonly namespace?: string;
  /** A Go duration (`5m0s`): every response is requested wrapped, with this TTL. */
  readonly wrapTtl?: string;
  /** X-Vault-MFA, one header for each value. */
  readonly mfa?: readonly string[];
  /** Additional headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For the whole exchange, retries included, in milliseconds. Default 60 000. */
  readonly timeoutMs?: number;
  /** How many times a request is sent again where Vault's client does. Default 0. Streams, downloads and uploads never are. */
  readonly retries?: number;
  /** Shared by all clients that it is given to. Default: none. */
  readonly rateLimit?: RateLimit;
  /** Which proxy to go through to a URL. Default: none. */
  readonly proxy?: ProxyChoice;
  /** A longer answer fails, in bytes. Default: none is too long. */
  readonly maxResponseBytes?: number;
  /** Do not follow the one redirect that a standby node may answer with. */
  readonly disableRedirects?: boolean;
  /** Sees each request when it is ready. What it throws is thrown in place of sending it. */
  readonly beforeSend?: (request: PreparedRequest) => void;
}

/** A request as it would be sent. */
export interface PreparedRequest {
  readonly method: string;
  /** As it was asked for, without `/v1/`. */
  readonly path: string;
  readonly query: Query;
  /** Percent-encoded; `http://localhost/...` for a Unix socket. */
  readonly url: string;
  /** The token among them. Without those about the body. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON; `undefined` for no body, `stream` for one that is only at hand while it is sent. */
  readonly body: { readonly json: string } | 'stream' | undefined;
}

export interface RequestContent {
  readonly query?: Query;
  /** Sent as JSON; `undefined` sends no body, `null` sends `null`. */
  readonly body?: JsonValue | undefined;
}

export interface ApiResponse {
  readonly status: number;
  /** The parsed body; `undefined` when there was none or it was not JSON. */
  readonly body: JsonValue | undefined;
  /** The body as it came. */
  readonly text: string;
}

type OnMissing = (refusal: ApiError) => void;

/** Vault's HTTP API. Every method throws {@link ApiError} for a status outside 200..399, CofferError `unavailable` for no answer. */
export interface Client {
  readonly options: ClientOptions;
  /** Any request; `path` is without `/v1/`. */
  request(method: string, path: string, content?: RequestContent): Promise<ApiResponse>;
  /** GET of an answer without end, as it comes. Nothing limits how long that takes but `signal`. */
  stream(path: string, query?: Query, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** GET. `undefined` when nothing is there (404 without data or warnings); `onMissing` gets what the server said then. */
  read(path: string, query?: Query, onMissing?: OnMissing): Promise<SecretResponse | undefined>;
  /** PUT. `undefined` when the answer has no content. */
  write(path: string, body?: JsonValue): Promise<SecretResponse | undefined>;
  /** DELETE. `undefined` when the answer has no content. */
  delete(path: string, query?: Query): Promise<SecretResponse | undefined>;
  /** GET with `list=true`, which passes proxies that do not know the LIST verb. As {@link read} when nothing is there. */
  list(path: string, query?: Query, onMissing?: OnMissing): Promise<SecretResponse | undefined>;
  /** GET of what is no JSON: its bytes as they come, however long that takes. */
  download(path: string): Promise<AsyncIterable<Uint8Array>>;
  /** POST of so many bytes. However long it takes, it is waited for. */
  upload(path: string, chunks: AsyncIterable<Uint8Array>, length: number): Promise<ApiResponse>;
  /** The same client with some options replaced; a property given as `undefined` is dropped. */
  with(changes: { readonly [K in keyof ClientOptions]?: ClientOptions[K] | undefined }): Client;
}

/**
 * A client for Vault's API, as served by Coffer, Vault or OpenBao.
 *
 * @throws CofferError `invalid-request` for an address that is not a URL, or a token that cannot be sent in a header
 */
export function createClient(options: ClientOptions): Client {
  const endpoint = parseEndpoint(options.address);
  const fixedHeaders = headersOf(options);
  const isAnonymous = !('X-Vault-Token' in fixedHeaders);
  const { timeoutMs = 60_000, maxResponseBytes = Number.POSITIVE_INFINITY, retries = 0, rateLimit, proxy } = options;

  async function request(method: string, path: string, content: RequestContent = {}): Promise<ApiResponse> {
    const body = content.body === undefined ? undefined : JSON.stringify(content.body);
    const target = requestTarget(endpoint, path, content.query);
    const headers = { ...fixedHeaders, ...wrapHeader(options, method, path) };
    announce({ method, path, query: content.query, target, headers, body: body === undefined ? body : { json: body } });
    const answer = await exchange({
      endpoint,
      method,
      target,
      headers: { ...headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body,
      timeoutMs,
      retries,
      rateLimit,
      proxy,
      maxResponseBytes,
      tls: options,
      followRedirect: options.disableRedirects !== true,
    });
    return judge(method, path, answer, isAnonymous);
  }

  function announce({ target, query = {}, ...request }: Announced): void {
    options.beforeSend?.({ ...request, query, url: `${endpoint.origin}${target}` });
  }

  function transfer(
    method: string,
    path: string,
    more: Pick<Transfer, 'content' | 'timeoutMs' | 'signal'>,
    query: Query,
  ) {
    const target = requestTarget(endpoint, path, query);
    announce({ method, path, query, target, headers: fixedHeaders, body: more.content && 'stream' });
    return open({ endpoint, method, target, headers: fixedHeaders, tls: options, proxy, maxResponseBytes, ...more });
  }

  async function bytes(
    path: string,
    query: Query,
    more: Pick<Transfer, 'timeoutMs' | 'signal'>,
  ): Promise<AsyncIterable<Uint8Array>> {
    const opened = await transfer('GET', path, more, query);
    if (opened.status === 200) return opened.chunks();
    judge('GET', path, await opened.whole(), isAnonymous);
    throw new CofferError('failed', `the server answered ${opened.status} in place of a stream`);
  }

  async function orNothing(response: Promise<ApiResponse>, onMissing?: OnMissing): Promise<SecretResponse | undefined> {
    try {
      return parseSecretResponse((await response).body);
    } catch (thrown) {
      if (!(thrown instanceof NotFound)) throw thrown;
      if (thrown.secret === undefined) onMissing?.(thrown);
      return thrown.secret;
    }
  }

  return {
    options,
    request,
    stream: (path, query = {}, signal) => bytes(path, query, { timeoutMs, signal }),
    read: (path, query = {}, onMissing) => orNothing(request('GET', path, { query }), onMissing),
    write: async (path, body) => parseSecretResponse((await request('PUT', path, { body })).body),
    delete: async (path, query = {}) => parseSecretResponse((await request('DELETE', path, { query })).body),
    list: (path, query = {}, onMissing) =>
      orNothing(request('GET', path, { query: { ...query, list: 'true' } }), onMissing),
    download: (path) => bytes(path, {}, {}),
    async upload(path, chunks, length) {
      const opened = await transfer('POST', path, { content: { chunks, length } }, {});
      return judge('POST', path, await opened.whole(), isAnonymous);
    },
    with: (changes) => {
      const merged = Object.entries({ ...options, ...changes }).filter(([, value]) => value !== undefined);
      return createClient({
        ...(Object.fromEntries(merged) as Partial<ClientOptions>),
        address: changes.address ?? options.address,
      });
    },
  };
}

type Announced = Omit<PreparedRequest, 'url' | 'query'> & {
  readonly target: string;
  readonly query?: Query | undefined;
};

/** A 404, with what came in it: some paths warn, or return data, while they say that nothing is there. */
class NotFound extends ApiError {
  readonly secret: SecretResponse | undefined;

  constructor(details: ConstructorParameters<typeof ApiError>[0], secret: SecretResponse | undefined) {
    super(details);
    const telling = secret !== undefined && ((secret.warnings?.length ?? 0) > 0 || secret.data !== null);
    this.secret = telling ? secret : undefined;
  }
}

function judge(method: string, path: string, answer: Answer, isAnonymous: boolean): ApiResponse {
  const body = parseBody(answer.text);
  // A standby node answers a health check with 429, and says so in the body.
  const healthy = answer.status === 429 && path === 'sys/health';
  if ((answer.status >= 200 && answer.status < 400) || healthy)
    return { status: answer.status, body, text: answer.text };
  const listed = errorsOf(body);
  const details = {
    method,
    url: answer.url,
    status: answer.status,
    errors: listed ?? [answer.text],
    rawBody: listed === undefined,
    isAnonymous,
  };
  // A page of text instead of Vault's JSON is some other server's 404: it says nothing about the path.
  if (answer.status !== 404 || (listed === undefined && answer.text.trim() !== '')) throw new ApiError(details);
  throw new NotFound(details, listed === undefined || listed.length > 0 ? undefined : parseSecretResponse(body));
}

function parseBody(text: string): JsonValue | undefined {
  if (text.trim() === '') return undefined;
  try {
    return parseExactJson(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function errorsOf(body: JsonValue | undefined): readonly string[] | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  const errors = 'errors' in body ? body.errors : undefined;
  if (errors === undefined || errors === null) return [];
  return Array.isArray(errors)
    ? errors.map((error: JsonValue) => (typeof error === 'string' ? error : JSON.stringify(error)))
    : undefined;
}

function headersOf(options: ClientOptions): Record<string, string> {
  const token = options.token instanceof Secret ? options.token.reveal() : (options.token ?? '');
  // Checked here because Node's own refusal comes late and names only the header.
  if (!/^[\x20-\x7e]*$/.test(token)) {
    throw new CofferError('invalid-request', 'configured token contains non-printable characters and cannot be used');
  }
  return {
    ...options.headers,
    'X-Vault-Request': 'true',
    ...(token === '' ? {} : { 'X-Vault-Token': token }),
    ...(options.namespace === undefined || options.namespace === '' ? {} : { 'X-Vault-Namespace': options.namespace }),
    ...(options.mfa === undefined || options.mfa.length === 0 ? {} : { 'X-Vault-MFA': options.mfa.join(',') }),
  };
}

/** `sys/wrapping/wrap` makes no sense unwrapped, so it has a default TTL of its own (api/client.go DefaultWrappingTTL). */
function wrapHeader(options: ClientOptions, method: string, path: string): Record<string, string> {
  const isWrap = path === 'sys/wrapping/wrap' && (method === 'PUT' || method === 'POST');
  const ttl = options.wrapTtl ?? (isWrap ? '5m' : '');
  return ttl === '' ? {} : { 'X-Vault-Wrap-TTL': ttl };
}
