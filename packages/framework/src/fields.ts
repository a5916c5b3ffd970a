import {
  CofferError,
  nearestName,
  ExactNumber,
  isJsonObject,
  JSON_LIMITS,
  type JsonObject,
  type JsonValue,
  parseBoundedJson,
  parseDuration,
  parseGoBoolean,
  plainNumbers,
} from '@coffer/base';

/**
 * How a path declares what it takes, as HashiCorp's framework does (hashicorp/vault:sdk/framework/field_data.go).
 * `duration`: seconds. `comma-strings`: a list, or one string with commas. `strings`: a list, or one string kept whole.
 */
export type FieldType =
  | 'string'
  | 'integer'
  | 'number'
  | 'boolean'
  | 'duration'
  | 'strings'
  | 'comma-strings'
  | 'object'
  | 'any';

export interface Field {
  readonly type: FieldType;
  readonly description: string;
  readonly default?: JsonValue;
  readonly required?: boolean;
  /** Names policies: whoever writes it is told which of them do not exist. */
  readonly policies?: true;
}
export type FieldSchema = Readonly<Record<string, Field>>;

interface FieldTypes {
  string: string;
  integer: number;
  number: number;
  boolean: boolean;
  duration: number;
  strings: readonly string[];
  'comma-strings': readonly string[];
  object: JsonObject;
  any: JsonValue;
}
type Parsed<F extends Field> = F extends { default: JsonValue } | { required: true }
  ? FieldTypes[F['type']]
  : FieldTypes[F['type']] | undefined;
export type FieldValues<S extends FieldSchema> = { readonly [K in keyof S]: Parsed<S[K]> };

/**
 * Reads the declared fields out of a request's data. Scalars come as JSON values or as strings, as the CLI sends them.
 *
 * @throws CofferError `invalid-request` naming the field, what was wrong, and what it takes
 */
export function parseFields<S extends FieldSchema>(schema: S, data: JsonObject): FieldValues<S> {
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(schema)) {
    const raw = data[name];
    // Null is the zero value of the type, not the default (hashicorp/vault:sdk/framework/field_data.go). For a duration, an
    // object and a required field it counts as not given; there an empty string does too, as in Vault.
    const missing = field.required === true && (raw === null || raw === '');
    const given = missing ? undefined : raw === null ? ZERO[field.type] : raw;
    if (given !== undefined) values[name] = parseField(name, field, given);
    else if (field.default !== undefined) values[name] = field.default;
    else if (field.required === true) throw new CofferError('invalid-request', `missing ${name}: ${field.description}`);
  }
  return values as FieldValues<S>;
}

const ZERO: Readonly<Record<FieldType, JsonValue | undefined>> = {
  string: '',
  integer: 0,
  number: 0,
  boolean: false,
  duration: undefined,
  strings: [],
  'comma-strings': [],
  object: undefined,
  any: undefined,
};

function parseField(name: string, field: Field, raw: JsonValue): unknown {
  switch (field.type) {
    case 'string':
      if (!isScalar(raw)) throw wrong(name, raw, 'a string');
      return String(raw);
    case 'integer':
      return parseInteger(name, plainNumbers(raw));
    case 'number':
      return parseNumber(name, plainNumbers(raw));
    case 'boolean':
      return parseBoolean(name, plainNumbers(raw));
    case 'duration':
      return parseSeconds(name, plainNumbers(raw));
    case 'strings':
      return parseStrings(name, raw, (text) => [text]);
    case 'comma-strings':
      return parseStrings(name, raw, (text) => splitList(name, text).map((part) => part.trim())).filter(
        (part) => part !== '',
      );
    case 'object':
      return plainNumbers(parseObject(name, raw));
    case 'any':
      return plainNumbers(raw);
  }
}

/** Text, number or boolean: what counts as text. */
function isScalar(raw: JsonValue): raw is string | number | boolean | ExactNumber {
  return typeof raw !== 'object' || raw instanceof ExactNumber;
}

function parseSeconds(name: string, raw: JsonValue): number {
  if (typeof raw !== 'string' && typeof raw !== 'number') throw wrong(name, raw, 'a duration such as 3600 or "1h"');
  return parseDuration(raw, name);
}

function parseInteger(name: string, raw: JsonValue): number {
  const value = typeof raw === 'string' ? integerOf(raw) : typeof raw === 'boolean' ? Number(raw) : raw;
  if (typeof value !== 'number' || value % 1 !== 0) throw wrong(name, raw, 'a whole number');
  if (Number.isSafeInteger(value)) return value + 0;
  throw new CofferError('invalid-request', `field "${name}" is out of range: at most ${Number.MAX_SAFE_INTEGER}`);
}

function parseNumber(name: string, raw: JsonValue): number {
  const value = typeof raw === 'string' && /^[+-]?\d/.test(raw) && raw.length <= LONGEST_INTEGER ? Number(raw) : raw;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw wrong(name, raw, 'a number');
  return value;
}

const INTEGER =
  /^([+-]?)(?:(0[xX])((?:_?[\da-fA-F])+)|(0[bB])((?:_?[01])+)|(0[oO]?)((?:_?[0-7])+)|(0|[1-9](?:_?\d)*))$/;
/** Longer than any 64-bit integer, with leading zeros and underscores to spare. */
const LONGEST_INTEGER = 200;

/** Go's strconv.ParseInt with base 0: `0x`, `0o`, `0b` and `0` in front, underscores between digits. Empty is 0. */
function integerOf(text: string): number | undefined {
  if (text === '') return 0;
  if (text.length > LONGEST_INTEGER) return undefined;
  const [matched, sign, , hex, , binary, , octal, decimal] = INTEGER.exec(text) ?? [];
  if (matched === undefined) return undefined;
  const [digits = '', base] =
    hex !== undefined
      ? [hex, 16]
      : binary !== undefined
        ? [binary, 2]
        : octal !== undefined
          ? [octal, 8]
          : [decimal, 10];
  const value = Number.parseInt(digits.replaceAll('_', ''), base);
  return sign === '-' ? -value : value;
}

function parseBoolean(name: string, raw: JsonValue): boolean {
  // What Vault takes from the command line; empty is false.
  const value = typeof raw === 'object' ? undefined : raw === '' ? false : parseGoBoolean(String(raw));
  if (value !== undefined) return value;
  throw wrong(name, raw, 'true or false');
}

function parseStrings(name: string, raw: JsonValue, split: (text: string) => string[]): string[] {
  if (typeof raw === 'string') return raw === '' ? [] : split(raw);
  if (isScalar(raw)) return [String(raw)];
  if (!Array.isArray(raw)) throw wrong(name, raw, 'a string or a list of strings');
  return raw.map((item: JsonValue) => {
    if (!isScalar(item) || typeof item === 'boolean') throw wrong(name, item, 'a list of strings');
    return String(item);
  });
}

function splitList(name: string, text: string): string[] {
  const parts = text.split(',', JSON_LIMITS.values + 1);
  if (parts.length <= JSON_LIMITS.values) return parts;
  throw new CofferError('invalid-request', `field "${name}" has more than ${JSON_LIMITS.values} items`);
}

function parseObject(name: string, raw: JsonValue): JsonObject {
  if (isJsonObject(raw)) return raw;
  if (typeof raw === 'string') {
    if (raw === '') return {};
    try {
      const parsed = raw.trimStart().startsWith('{') ? parseBoundedJson(raw) : undefined;
      if (isJsonObject(parsed)) return parsed;
    } catch (error) {
      if (error instanceof CofferError) throw new CofferError(error.code, `field "${name}": ${error.message}`);
      // Not JSON, so it may be key=value,key=value.
    }
  }
  // What is repeated on the command line comes as a list, whose items are pairs as a whole.
  const items = typeof raw === 'string' ? splitList(name, raw) : Array.isArray(raw) ? raw : undefined;
  const pairs = items?.map(pairOf) ?? [undefined];
  if (pairs.every((pair) => pair !== undefined)) return Object.fromEntries(pairs);
  throw wrong(name, raw, 'a JSON object or key=value pairs');
}

function pairOf(item: JsonValue): [key: string, value: string] | undefined {
  const [, key, value = ''] = typeof item === 'string' ? (/^([^=]+)=([^]*)$/.exec(item) ?? []) : [];
  return key === undefined ? undefined : [key.trim(), value];
}

function wrong(name: string, raw: JsonValue, wanted: string): CofferError {
  // Only the type is shown: the value may be a secret.
  const got = typeof raw === 'object' ? (Array.isArray(raw) ? 'a list' : 'an object') : `a ${typeof raw}`;
  return new CofferError('invalid-request', `field "${name}" must be ${wanted}, got ${got} that is not`);
}

/** Names in `data` that `schema` does not declare. */
export function unknownFields(schema: FieldSchema, data: JsonObject): string[] {
  return Object.keys(data).filter((name) => !Object.hasOwn(schema, name));
}

/** How many names a message shows: a body can hold a million, each as long as the body. */
const SHOWN_NAMES = 20;
const SHOWN_LENGTH = 100;

/** Names as Vault lists them in its warning: sorted, separated by spaces, and only the first of very many. */
export function listNames(names: readonly string[]): string {
  const shown = [...names].sort().slice(0, SHOWN_NAMES).map(clip);
  return [...shown, ...(names.length > SHOWN_NAMES ? [`and ${names.length - SHOWN_NAMES} more`] : [])].join(' ');
}

function clip(name: string): string {
  return name.length > SHOWN_LENGTH ? `${name.slice(0, SHOWN_LENGTH)}…` : name;
}

/** `unknown field "hots": did you mean "host"?`, or the list of the known ones. */
export function unknownFieldMessage(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  const remedy = nearest ? `did you mean "${nearest}"?` : `the fields here are ${[...known].sort().join(', ')}`;
  return `unknown field "${clip(name)}": ${remedy}`;
}
