import { ExactNumber, isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';

/** Absent, null, false, 0 and empty mean the same in every answer that is read here: not set. */
export function isUnset(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

/** Those of the fields that are named, without what is not set. */
export function pick(fields: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([name, value]) => names.includes(name) && !isUnset(value)));
}

/** The names of fields that say something, and are none of `known`. */
export function othersThan(fields: JsonObject, known: readonly string[]): string[] {
  return Object.keys(fields).filter((name) => !known.includes(name) && !isUnset(fields[name]));
}

/** The names of fields in which two views differ, whichever of them has it. */
export function differences(wanted: JsonObject, present: JsonObject): string[] {
  const names = new Set([...Object.keys(wanted), ...Object.keys(present)]);
  return [...names].filter((name) => normal(name, wanted[name]) !== normal(name, present[name])).sort();
}

/** What must be written so that `present` becomes `wanted`: also what is set in `present` only, emptied. */
export function changes(wanted: JsonObject, present: JsonObject): JsonObject {
  return Object.fromEntries(differences(wanted, present).map((name) => [name, wanted[name] ?? unset(present[name])]));
}

function unset(value: JsonValue | undefined): JsonValue {
  if (typeof value === 'number') return 0;
  if (typeof value === 'boolean') return false;
  if (Array.isArray(value)) return [];
  return isJsonObject(value) ? {} : '';
}

function normal(name: string, value: JsonValue | undefined): string {
  if (value === undefined || isUnset(value)) return '';
  if (Array.isArray(value)) {
    const texts = value.map(String);
    // Only statements have an order.
    return JSON.stringify(name.endsWith('_statements') ? texts : texts.sort());
  }
  if (isJsonObject(value)) return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  return value instanceof ExactNumber || typeof value !== 'object' ? String(value) : JSON.stringify(value);
}
