import { ExactNumber, formatDuration, type JsonValue } from '@coffer/base';

/** A JSON value as Go's `%v` prints it, which is what tables show: `[a b]`, `map[k:v]`, `<nil>`. */
export function goValue(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return '<nil>';
  if (typeof value !== 'object' || value instanceof ExactNumber) return String(value);
  if (isList(value)) return `[${value.map(goValue).join(' ')}]`;
  const pairs = sortedEntries(value).map(([key, element]) => `${key}:${goValue(element)}`);
  return `map[${pairs.join(' ')}]`;
}

/** A list of strings as Go's `%q` prints it: `["a" "b"]`. */
export function goQuotedList(values: readonly string[] | null): string {
  return `[${(values ?? []).map((value) => JSON.stringify(value)).join(' ')}]`;
}

/** An RFC 3339 time as Go's `Time.String()` prints it: `2026-11-24 18:52:05.879245136 +0000 UTC`. */
export function goTime(text: string): string {
  const [, date, time, zone] = /^([^T]+)T([^T]+?)(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  if (date === undefined || time === undefined || zone === undefined) return text;
  const offset = zone.replace(':', '');
  return `${date} ${time} ${zone === 'Z' ? '+0000 UTC' : `${offset} ${offset}`}`;
}

/** The value under a key as a table shows it: whole numbers under names that speak of time are durations. */
export function tableValue(key: string, value: JsonValue | undefined): string {
  const isDuration = /^(?:.*_)?(?:period|ttl|duration)$|^lease_max$|^ttl_max$/s.test(key);
  return isDuration && typeof value === 'number' && Number.isInteger(value) ? formatDuration(value) : goValue(value);
}

/** The entries of an object by key, as Go orders every map that it prints. */
export function sortedEntries<T>(object: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(object).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}
