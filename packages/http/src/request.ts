import type { IncomingHttpHeaders } from 'node:http';
import { CofferError, parseDuration, parseGoBoolean, type JsonObject, type JsonValue } from '@coffer/base';
import { type IncomingRequest, MAX_NAME_LENGTH, MAX_PATH_LENGTH, type SentHeaders } from '@coffer/framework';
import { HTTP_LIMITS } from './limits.ts';

/** What the request line asks for, before any body is read. */
export interface Target {
  readonly operation: IncomingRequest['operation'];
  readonly path: string;
  /** The query without `list` and `help`: the data of everything but a write. */
  readonly query: JsonObject;
}

const NO_PARAMETERS = new URLSearchParams();

/**
 * Reads verb and URL as Vault does (openbao/openbao:http/logical.go buildLogicalRequestNoAuth, http/help.go). The path
 * of a list always ends in `/`; every other path is as sent, but decoded: from here on it is one string, which policy, router
 * and engine all see. Returns undefined for anything that is not under `/v1/`.
 *
 * @throws CofferError `invalid-request` for a malformed path or query, `unsupported` for other verbs
 */
export function parseTarget(method: string, url: string): Target | undefined {
  const queryStart = url.indexOf('?');
  const rawPath = queryStart === -1 ? url : url.slice(0, queryStart);
  if (!rawPath.startsWith('/v1/') || rawPath.length === '/v1/'.length) return undefined;
  const query = queryStart === -1 ? '' : url.slice(queryStart + 1);
  if (query.split('&', HTTP_LIMITS.queryParameters + 1).length > HTTP_LIMITS.queryParameters) {
    throw new CofferError('invalid-request', `the query has more than ${HTTP_LIMITS.queryParameters} parameters`);
  }
  const parameters = query === '' ? NO_PARAMETERS : new URLSearchParams(query);
  const path = decodePath(rawPath.slice('/v1/'.length));
  const operation = operationOf(method, path, parameters);
  if (operation === 'update' && path.endsWith('/')) {
    // In Vault's words (hashicorp/vault:vault/request_handling.go handleCancelableRequest).
    throw new CofferError('invalid-request', "cannot write to a path ending in '/'");
  }
  const listPath = operation === 'list' && !path.endsWith('/') ? `${path}/` : path;
  return { operation, path: listPath, query: query === '' ? {} : queryData(parameters) };
}

function operationOf(method: string, path: string, parameters: URLSearchParams): IncomingRequest['operation'] {
  if ((parameters.get('help') ?? '') !== '') return 'help';
  switch (method) {
    case 'GET':
      return isTrue('list', parameters.get('list') ?? '') ? 'list' : 'read';
    case 'HEAD':
      // Reading credentials makes a login, which nobody would know of with the body thrown away: so only sys/ has HEAD.
      if (path.startsWith('sys/')) return 'read';
      throw new CofferError('unsupported', 'HEAD is only supported under sys/; use GET');
    case 'LIST':
      return 'list';
    case 'PUT':
    case 'POST':
      return 'update';
    case 'DELETE':
      return 'delete';
    default:
      throw new CofferError('unsupported', 'unsupported method; use GET, LIST, PUT, POST or DELETE');
  }
}

/** Empty is false. */
function isTrue(name: string, text: string): boolean {
  const value = text === '' ? false : parseGoBoolean(text);
  if (value !== undefined) return value;
  throw new CofferError('invalid-request', `query parameter "${name}" must be true or false`);
}

function decodePath(raw: string): string {
  let path = raw;
  try {
    if (raw.includes('%')) path = decodeURIComponent(raw);
  } catch {
    throw new CofferError('invalid-request', 'the path has a malformed percent-encoding; write a percent sign as %25');
  }
  if (/[^\x21-\x7e]/.test(raw)) {
    throw new CofferError('invalid-request', 'the path has characters that must be percent-encoded as UTF-8');
  }
  if (path !== raw && /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(path))
    throw new CofferError('invalid-request', 'the path must not have unprintable characters');
  if (/^$|^\/|\/\/|(?:^|\/)\.\.?(?:\/|$)/.test(path)) {
    throw new CofferError('invalid-request', 'the path must not have empty, "." or ".." segments');
  }
  const isLong = path.length > MAX_NAME_LENGTH;
  if (isLong && (path.length > MAX_PATH_LENGTH || path.split('/').some(({ length }) => length > MAX_NAME_LENGTH))) {
    throw new CofferError(
      'invalid-request',
      `the path is too long: at most ${MAX_NAME_LENGTH} characters between two slashes, and ${MAX_PATH_LENGTH} in all`,
    );
  }
  return path;
}

function queryData(parameters: URLSearchParams): JsonObject {
  const values = new Map<string, JsonValue>();
  for (const name of new Set(parameters.keys())) {
    if (name === 'list' || name === 'help' || name === '') continue;
    const all = parameters.getAll(name);
    values.set(name, all.length === 1 ? (all[0] ?? '') : all);
  }
  return Object.fromEntries(values);
}

/** The token as sent in `X-Vault-Token`, else in `Authorization: Bearer`; empty when it is in neither. */
export function readToken(headers: IncomingHttpHeaders): string {
  const token = header(headers, 'x-vault-token').trim();
  if (token !== '') return token;
  return /^bearer +(\S+) *$/i.exec(header(headers, 'authorization'))?.[1] ?? '';
}

/**
 * Refuses headers that would silently mean something else here.
 *
 * @throws CofferError `invalid-request` naming the header
 */
export function checkHeaders(headers: IncomingHttpHeaders): void {
  const namespace = header(headers, 'x-vault-namespace');
  if (namespace !== '' && !/^\/*(?:root\/*)?$/.test(namespace)) {
    throw new CofferError(
      'invalid-request',
      'header X-Vault-Namespace: namespaces are not supported; send the request without it',
    );
  }
  const format = header(headers, 'x-vault-wrap-format');
  if (format !== '' && !['', 'uuid'].includes(format.trim().toLowerCase())) {
    throw new CofferError(
      'invalid-request',
      'header X-Vault-Wrap-Format: wrapping tokens have only one format; send the request without it',
    );
  }
}

/**
 * How long the answer is to be wrapped, in seconds, from X-Vault-Wrap-TTL; 0 for an answer in the open. A secret that was
 * asked for wrapped must never come back in the open, so whatever cannot be read as a TTL is refused.
 *
 * @throws CofferError `invalid-request` for what is not a duration, and for less than a second
 */
export function readWrapTtl(headers: IncomingHttpHeaders): number {
  const text = header(headers, 'x-vault-wrap-ttl').trim();
  if (text === '' || /^0+[a-z]*$/.test(text)) return 0;
  const seconds = parseDuration(text, 'X-Vault-Wrap-TTL');
  if (seconds > 0) return seconds;
  throw new CofferError('invalid-request', 'header X-Vault-Wrap-TTL must be at least one second');
}

/** What may hold a token, under whose name a client has put it. */
const SECRET_HEADERS: ReadonlySet<string> = new Set([
  'x-vault-token',
  'authorization',
  'proxy-authorization',
  'cookie',
]);

/** Whoever asks for a header is few requests' only: nothing is read before. HTTP/2's own, which begin with a colon, are none. */
export class RawHeaders implements SentHeaders {
  readonly #raw: readonly string[];

  constructor(raw: readonly string[]) {
    this.#raw = raw;
  }

  get(wanted: string): readonly string[] | undefined {
    if (SECRET_HEADERS.has(wanted) || wanted.startsWith(':')) return undefined;
    const raw = this.#raw;
    const values = raw.filter((_, at) => at % 2 === 1 && raw[at - 1]?.toLowerCase() === wanted);
    return values.length === 0 ? undefined : values;
  }
}

function header(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}
