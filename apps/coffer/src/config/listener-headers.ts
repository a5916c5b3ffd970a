import type { HclItem, HclObject } from '@coffer/hcl';

/** By `default`, `2xx` or `200`: names and values. */
export type ResponseHeaders = Readonly<Record<string, readonly (readonly [string, string])[]>>;

/** They say where an answer ends and what it is: changed, clients would misread it. */
const OURS = [
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'retry-after',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/**
 * Vault's `custom_response_headers`: for each kind of status, names with lists of values, which are joined by `; `.
 * @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong`
 */
export function parseResponseHeaders(body: HclObject): ResponseHeaders | undefined {
  const stanza = body.object('custom_response_headers');
  if (stanza === undefined) return undefined;
  return Object.fromEntries(
    stanza.items.map((item) => {
      const [status] = item.keys;
      if (!/^(?:default|[1-5]xx|[1-5]\d\d)$/.test(status)) {
        throw stanza.error(`invalid status code found in the server configuration: ${status}`, item);
      }
      const headers = stanza.object(status);
      return [status, (headers?.items ?? []).flatMap((header) => parseHeader(stanza, headers, header))];
    }),
  );
}

function parseHeader(
  stanza: HclObject,
  headers: HclObject | undefined,
  item: HclItem,
): readonly (readonly [string, string])[] {
  const [name] = item.keys;
  const lower = name.toLowerCase();
  // RFC 9110, 5.1: a name is a token.
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw stanza.error(`"${name}" is not the name of a header`, item);
  if (lower.startsWith('x-vault-')) {
    throw stanza.error(`custom headers starting with X-Vault are not valid: "${name}"`, item);
  }
  if (OURS.includes(lower)) throw stanza.error(`"${name}" is set by the server`, item);
  const values = (headers?.strings(name) ?? []).map((value) => value.trim()).filter((value) => value !== '');
  const value = values.join('; ');
  if (!/^[\t\x20-\x7e]*$/.test(value)) throw stanza.error(`"${name}" must contain printable characters only`, item);
  return value === '' ? [] : [[name, value]];
}

/** Those for one status: what is for all first, so that what is for fewer can replace it, as in Vault. */
export function* headersFor(headers: ResponseHeaders, status: number): Iterable<readonly [string, string]> {
  for (const kind of ['default', `${Math.floor(status / 100)}xx`, String(status)]) yield* headers[kind] ?? [];
}
