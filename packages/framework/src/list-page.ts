import { CofferError, isJsonObject, type JsonObject } from '@coffer/base';
import type { FieldSchema, FieldValues } from './fields.ts';
import type { OutgoingResponse } from './logical.ts';

/** What every list takes (openbao/openbao:website/content/docs/rfcs/paginated-lists.mdx). */
export const LIST_FIELDS = {
  after: { type: 'string', default: '', description: 'List only names that sort after this one; it need not exist.' },
  limit: { type: 'integer', default: 0, description: 'At most this many names; all when 0 or less.' },
} as const satisfies FieldSchema;

/** The part of a list that is asked for. */
export type ListPage = FieldValues<typeof LIST_FIELDS>;

export const WHOLE_LIST: ListPage = { after: '', limit: 0 };

/** How many rows of the store make the page, for a LIMIT. */
export function rowLimit({ limit }: ListPage): number {
  return limit > 0 ? limit : Number.MAX_SAFE_INTEGER;
}

/**
 * One page of a list, by its `keys`; `key_info` is cut with them. A list that its handler has cut already loses nothing.
 * @throws CofferError `not-found` when no key is left: Vault answers every empty list so
 *   (hashicorp/vault:sdk/logical/response_util.go, RespondErrorCommon)
 */
export function listPage(response: OutgoingResponse, { after, limit }: ListPage): OutgoingResponse {
  const keys = response.data?.['keys'];
  if (!Array.isArray(keys)) return response;
  const names = keys.map(String).filter((key) => after === '' || isBehind(key, after));
  const page = limit > 0 ? names.slice(0, limit) : names;
  if (page.length === 0) throw new CofferError('not-found', '');
  if (page.length === keys.length) return response;
  const info = response.data?.['key_info'];
  const data: JsonObject = { ...response.data, keys: page };
  if (!isJsonObject(info)) return { ...response, data };
  const kept = Object.fromEntries(Object.entries(info).filter(([key]) => page.includes(key)));
  return { ...response, data: { ...data, key_info: kept } };
}

/** By bytes, as the store sorts. */
function isBehind(name: string, other: string): boolean {
  return Buffer.compare(Buffer.from(name), Buffer.from(other)) > 0;
}
