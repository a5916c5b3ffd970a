/**
 * What is stored is read by a declaration of its fields: `entry<RoleEntry>({ dbName: string(), validUntil: oneOf(WORDS, 'lease') })`.
 * A kind with a default reads an absent field as that: the row is older than the field. A field without a default has always
 * been written: a row without it is damaged, as is one with a value of another kind. Fields that are not declared are left out.
 *
 * No error shows a value, which may be a secret.
 */
import { CofferError, isJsonObject, isStringMap, type JsonObject, parseExactJson } from '@coffer/base';

/**
 * Reads one field, or a whole row where there is none.
 * @throws CofferError `failed` naming the row and the field
 */
export type Kind<T> = (value: unknown, row: string, field?: string) => T;

/** A kind for each field, even for those that may be absent. */
export type EntryFields<T> = {
  readonly [K in keyof T]-?: Kind<Partial<Pick<T, K>> extends Pick<T, K> ? T[K] | undefined : T[K]>;
};

const DAMAGES = new WeakSet<object>();

/** What is thrown for a row that cannot be read. `what` must not quote it. */
export function damaged(row: string, what: string): CofferError {
  return damage(`the row ${row} is damaged: ${what}`);
}

/** As {@link damaged}, in other words. */
export function damage(text: string, cause?: unknown): CofferError {
  const error = new CofferError('failed', text, { cause });
  DAMAGES.add(error);
  return error;
}

/** Whether this was thrown for a row that cannot be read, and not for a store that is away. */
export function isDamage(error: unknown): error is CofferError {
  return error instanceof CofferError && DAMAGES.has(error);
}

function damagedField(row: string, field: string | undefined, what: string): CofferError {
  return damaged(row, field === undefined ? `it ${what}` : `its field "${field}" ${what}`);
}

function kind<T>(wanted: string, fits: (value: unknown) => value is T): (absent?: T) => Kind<T> {
  return (absent) => (value, row, field) => {
    if (fits(value)) return value;
    if (value !== undefined) throw damagedField(row, field, `is not ${wanted}`);
    if (absent === undefined) throw damagedField(row, field, 'is missing');
    return absent;
  };
}

const isString = (value: unknown): value is string => typeof value === 'string';

export const string = kind('a string', isString);
export const integer = kind('a whole number', (value): value is number => Number.isSafeInteger(value));
export const boolean = kind('true or false', (value): value is boolean => typeof value === 'boolean');
export const strings = kind(
  'a list of strings',
  (value): value is readonly string[] => Array.isArray(value) && value.every(isString),
);
/** Any fields with any values. */
export const object = kind('an object', isJsonObject);
/** Any fields, all of them strings. */
export const stringMap = kind('an object of strings', isStringMap);

export function oneOf<const T extends string>(words: readonly T[], absent?: T): Kind<T> {
  const fits = (value: unknown): value is T => words.some((word) => word === value);
  return kind(`one of ${words.join(', ')}`, fits)(absent);
}

export function nullable<T>(of: Kind<T>, absent?: null): Kind<T | null> {
  return (value, row, field) =>
    value === null || (value === undefined && absent === null) ? null : of(value, row, field);
}

/** May be absent, and is then absent from the result too. */
export function optional<T>(of: Kind<T>): Kind<T | undefined> {
  return (value, row, field) => (value === undefined ? undefined : of(value, row, field));
}

export function list<T>(of: Kind<T>): Kind<readonly T[]> {
  return (value, row, field) => {
    if (value === undefined) throw damagedField(row, field, 'is missing');
    if (!Array.isArray(value)) throw damagedField(row, field, 'is not a list');
    return value.map((item, index) => of(item, row, `${field ?? ''}[${index}]`));
  };
}

/** An object with the fields of `T`: a whole row, or a field of one. */
export function entry<T extends object>(fields: EntryFields<T>): Kind<T> {
  const kinds = Object.entries<Kind<unknown>>(fields);
  const whole = object();
  return (value, row, field) => {
    const given = whole(value, row, field);
    const read: Record<string, unknown> = {};
    for (const [name, of] of kinds) {
      const found = of(given[name], row, field === undefined ? name : `${field}.${name}`);
      if (found !== undefined) read[name] = found;
    }
    // Each field of T has been read by the kind that was declared for it.
    return read as T;
  };
}

/** The object that a row holds as JSON. @throws CofferError `failed` naming the row: a SyntaxError would quote the text */
export function parseObject(text: string, row: string): JsonObject {
  let parsed: unknown;
  try {
    parsed = parseExactJson(text);
  } catch {
    parsed = undefined;
  }
  if (isJsonObject(parsed)) return parsed;
  throw damaged(row, 'it is not a JSON object');
}
