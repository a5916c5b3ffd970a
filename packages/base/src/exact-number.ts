/**
 * Numbers of a JSON text that a JavaScript number would not give back as they were written: `9007199254740993`, `1e400`, `1.0`,
 * `-0`. Vault keeps every number as its text (Go's json.Number), so what goes through it comes back digit for digit.
 */
import type { JsonObject, JsonValue } from './json.ts';

export class ExactNumber {
  /** As it stood in the JSON text. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  /** For JSON.stringify, which writes the digits. */
  toJSON(): unknown {
    return JSON.rawJSON(this.text);
  }

  /** As a JavaScript number where that has the same value, or is as near as a floating-point number comes; else the digits. */
  toPlain(): number | string {
    const value = Number(this.text);
    const exact = /[.eE]/.test(this.text) ? Number.isFinite(value) : Number.isSafeInteger(value);
    return exact ? value + 0 : this.text;
  }
}

/** Of ECMAScript 2026, in Node 22 and later; TypeScript does not know it yet. */
declare global {
  interface JSON {
    rawJSON(text: string): unknown;
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
