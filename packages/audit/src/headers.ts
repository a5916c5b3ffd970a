import type { JsonObject } from '@coffer/base';
import type { SentHeaders } from '@coffer/framework';
import type { Hash } from './hash.ts';

/** The request headers that lines show, by name in lower case, and whether they are hashed. */
export type AuditedHeaders = ReadonlyMap<string, { readonly hmac: boolean }>;

export function headersEntry(
  sent: SentHeaders | undefined,
  audited: AuditedHeaders,
  hash: Hash,
): JsonObject | undefined {
  if (sent === undefined || audited.size === 0) return undefined;
  const found = [...audited].flatMap(([name, { hmac }]) => {
    const values = sent.get(name);
    return values === undefined ? [] : [[name, hmac ? values.map(hash) : values] as const];
  });
  return Object.fromEntries(found);
}
