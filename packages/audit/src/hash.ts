import { createHmac } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ExactNumber, isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';

/** What stands in a line for a secret: `hmac-sha256:` and 64 hexadecimal digits, the same for the same value under one salt. */
export type Hash = (value: string) => string;

/** HMAC-SHA256 in the form of openbao/openbao:sdk/helper/salt, GetIdentifiedHMAC. */
export function createHash(salt: string): Hash {
  return (value) => `hmac-sha256:${createHmac('sha256', salt).update(value).digest('hex')}`;
}

/** Strings hashed before other requests get their turn: 2 µs each, so that a list of 100,000 names holds up nobody. */
const STRINGS_AT_ONCE = 1_000;

interface Place {
  readonly holder: Record<string, JsonValue> | JsonValue[];
  readonly key: string | number;
}

/**
 * A copy of `data` with each string hashed, but for times, and for what stands under one of the `open` names
 * (openbao/openbao:internal/audit/hashstructure.go). Names, numbers, true, false and null stay as they are.
 */
export async function hashData(data: JsonObject, hash: Hash, open: readonly string[] = []): Promise<JsonObject> {
  const places: Place[] = [];
  const copy = copyOf(data, '', new Set(open), places) as Record<string, JsonValue>;
  for (const [index, { holder, key }] of places.entries()) {
    if (index > 0 && index % STRINGS_AT_ONCE === 0) await nextTurn();
    const found = holder as Record<string | number, string>;
    found[key] = hash(found[key] ?? '');
  }
  return copy;
}

/** The copy, with the places in it where there is something to hash. `name`: of the innermost field, which a list does not have. */
function copyOf(value: JsonValue, name: string, open: ReadonlySet<string>, places: Place[]): JsonValue {
  const enter = (holder: Place['holder'], key: string | number, child: JsonValue, field: string): JsonValue => {
    if (typeof child === 'string' && !open.has(field) && !isTime(child)) places.push({ holder, key });
    return copyOf(child, field, open, places);
  };
  if (Array.isArray(value)) {
    const list: JsonValue[] = [];
    for (const [index, item] of (value as readonly JsonValue[]).entries()) list.push(enter(list, index, item, name));
    return list;
  }
  if (!isJsonObject(value) || value instanceof ExactNumber) return value;
  // Without a prototype: a field may be called `__proto__`.
  const fields = Object.create(null) as Record<string, JsonValue>;
  for (const [key, child] of Object.entries<JsonValue | undefined>(value)) {
    if (child !== undefined) fields[key] = enter(fields, key, child, key);
  }
  return fields;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** RFC 3339 and nothing else: a time is no secret, and whoever reads the line needs it. */
function isTime(text: string): boolean {
  return text.length <= 40 && TIME.test(text) && !Number.isNaN(Date.parse(text));
}

/** Lists of names are counted in place of shown (openbao/openbao:internal/audit/format.go, doElideListResponseData). */
export function elideList(data: JsonObject): JsonObject {
  const { keys, key_info: info } = data;
  return {
    ...data,
    ...(Array.isArray(keys) && { keys: keys.length }),
    ...(isJsonObject(info) && { key_info: Object.keys(info).length }),
  };
}
