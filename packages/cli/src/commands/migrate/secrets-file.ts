import { CofferError, isJsonObject, type JsonObject, parseExactJson, Secret } from '@coffer/base';
import { readText } from '../../file.ts';
import { SECRET_FIELDS } from './carried-fields.ts';

const SHAPE = '{"database/config/NAME": {"password": "..."}}';

/** The fields that were given for one path. */
export interface Given {
  /** Those that a server shows: another `username`, a `connection_url` without a password in it. */
  readonly shown: JsonObject;
  readonly hidden: Readonly<Record<string, Secret>>;
  has(field: string): boolean;
}

/** What the source does not show, by the path of what it belongs to. */
export class GivenSecrets {
  readonly #given = new Map<string, Given>();

  /** Every value that must not be printed. */
  get values(): Secret[] {
    return [...this.#given.values()].flatMap(({ hidden }) => Object.values(hidden));
  }

  /** The paths that something was given for. */
  get paths(): string[] {
    return [...this.#given.keys()];
  }

  /** Undefined where nothing was given. */
  of(path: string): Given | undefined {
    return this.#given.get(path);
  }

  /** Adds to what was given for a path. */
  add(path: string, fields: Readonly<Record<string, string>>): void {
    const before = this.#given.get(path);
    const hidden = { ...before?.hidden };
    const shown: Record<string, string> = {};
    for (const [name, value] of Object.entries(fields)) {
      if (SECRET_FIELDS.includes(name) || holdsPassword(name, value)) hidden[name] = new Secret(value);
      else shown[name] = value;
    }
    const all = { ...before?.shown, ...shown };
    // Whoever names a connection says all about it: an empty object is for one that has no password.
    const whole = Object.keys(fields).length === 0;
    const named = (field: string): boolean => field in all || field in hidden;
    // A URL with a password in it needs no other one.
    const has = (field: string): boolean =>
      named(field) || (field !== 'connection_url' && (whole || 'connection_url' in hidden));
    this.#given.set(path, { shown: all, hidden, has });
  }
}

/** @throws CofferError `invalid-request` naming the file and what is wrong, without a value of it */
export async function readSecretsFile(file: string): Promise<GivenSecrets> {
  const refuse = (why: string): CofferError => new CofferError('invalid-request', `${file}: ${why}; use ${SHAPE}`);
  const text = await readText(file);
  let parsed: unknown;
  try {
    parsed = parseExactJson(text);
  } catch {
    // The parser's own message quotes the text.
    throw refuse('not a JSON document');
  }
  if (!isJsonObject(parsed)) throw refuse('not a JSON object');
  const secrets = new GivenSecrets();
  for (const [path, fields] of Object.entries(parsed)) {
    if (!isJsonObject(fields)) throw refuse(`${JSON.stringify(path)} is not an object`);
    const texts: Record<string, string> = {};
    for (const [name, value] of Object.entries(fields)) {
      if (typeof value !== 'string') throw refuse(`${JSON.stringify(name)} of ${JSON.stringify(path)} is not a string`);
      texts[name] = value;
    }
    secrets.add(path, texts);
  }
  return secrets;
}

/** A URL with a password in it is one itself. */
function holdsPassword(name: string, value: string): boolean {
  return name === 'connection_url' && !value.includes('{{password}}');
}
