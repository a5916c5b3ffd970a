import { ExactNumber } from './exact-number.ts';
import type { JsonObject, JsonValue } from './json.ts';

/** Of ECMAScript 2026, as is `rawJSON`. */
declare global {
  interface JSON {
    parse(
      text: string,
      reviver: (name: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
  }
}

/** Whether a text may hold such a number. It may be in a string, too: then nothing is gained and nothing lost. */
const SUSPECT = /\d[.eE]|-0|\d{16}/;

/** `JSON.parse`, with an {@link ExactNumber} in the place of every number that would not come back as it is. */
export function parseExactJson(text: string): unknown {
  if (!SUSPECT.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_name, value, { source }) => {
    if (typeof value !== 'number' || source === undefined || JSON.stringify(value) === source) return value;
    return new ExactNumber(source);
  });
}

/** The same value without exact numbers, as {@link ExactNumber.toPlain} has them: for code that counts with them. */
export function plainNumbers(value: JsonObject): JsonObject;
export function plainNumbers(value: JsonValue): JsonValue;
export function plainNumbers(value: JsonValue): JsonValue {
  if (value instanceof ExactNumber) return value.toPlain();
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: JsonValue) => plainNumbers(item));
  return Object.fromEntries(
    Object.entries<JsonValue>(value as JsonObject).map(([name, item]) => [name, plainNumbers(item)]),
  );
}
