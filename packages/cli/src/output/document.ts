import { ExactNumber, type JsonObject, type JsonValue } from '@coffer/base';
import { stringify } from 'yaml';
import { isList, sortedEntries } from './go-value.ts';

/** JSON with two spaces, and `<`, `>` and `&` escaped as Go's encoder does, so that both print the same bytes. */
export function renderJson(value: JsonValue): string {
  return JSON.stringify(value, null, 2).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** YAML with keys in order and lists not indented, as Go's encoder writes it. Long lines are left whole. */
export function renderYaml(value: JsonValue): string {
  return stringify(yamlNumbers(value), { sortMapEntries: true, indentSeq: false, lineWidth: 0 }).trim();
}

/** A whole number keeps its digits; any other is a floating-point number in YAML, in Go too. */
function yamlNumbers(value: JsonValue): unknown {
  if (value instanceof ExactNumber) return /[.eE]/.test(value.text) ? Number(value.text) : BigInt(value.text);
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) return value.map(yamlNumbers);
  return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, yamlNumbers(element)]));
}

/** The same value with the keys of every object in order, as a Go map is encoded. */
export function sortKeys<T extends JsonValue>(value: T): T;
export function sortKeys(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return value;
  if (isList(value)) return value.map((element) => sortKeys(element));
  return Object.fromEntries(sortedEntries<JsonValue>(value).map(([key, element]) => [key, sortKeys(element)]));
}

/** The named keys in this order, each with its value or the default; `undefined` defaults leave an absent key out. */
export function orderKeys(object: JsonObject, defaults: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const entries = Object.entries(defaults).map(([key, absent]) => [key, ownValue(object, key) ?? absent] as const);
  return Object.fromEntries(entries.filter((entry): entry is readonly [string, JsonValue] => entry[1] !== undefined));
}

/** The value under a key that comes from outside: never what objects inherit, such as `toString`. */
export function ownValue(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
