import { type Hidden, isJsonObject, type JsonObject, type JsonValue, Secret } from '@coffer/base';
import {
  CONNECTION_URL,
  isTemplate,
  percentDecoded,
  plainName,
  readConnectionUrl,
  type UrlSetting,
} from './connection-url.ts';

/** What a plugin's table says about one field of its configuration. */
export interface ConnectionField {
  readonly name: string;
  /** Never shown once stored, and in no error and no line of the log. Absent: harmless. */
  readonly secret?: true;
}

const MASK = '*****';

/** The user, database and host, as the contract names them: errors show these even when a password reads the same. */
const NAMES = ['username', 'db', 'host'];

/**
 * What of a configuration is secret, by the plugin's own declaration: what a read shows and what is redacted both follow
 * from the one table. A field that no table declares is not known to be harmless, so it counts as secret.
 */
export class ConnectionFields {
  readonly #harmless: ReadonlySet<string>;
  readonly #secretNames: ReadonlySet<string>;
  readonly #harmlessNames: ReadonlySet<string>;
  readonly #foreign: boolean;

  private constructor(fields: readonly ConnectionField[], foreign: boolean) {
    const names = (secret: boolean) =>
      fields.filter((field) => (field.secret === true) === secret).map(({ name }) => name);
    this.#harmless = new Set(names(false));
    this.#harmlessNames = new Set(names(false).map(plainName));
    // By the grammar of URLs, whatever the table says.
    this.#secretNames = new Set([...names(true), 'password'].map(plainName));
    this.#foreign = foreign;
  }

  /** Of a plugin that declares its fields. What else its URLs name are settings of the session. */
  static declared(fields: readonly ConnectionField[]): ConnectionFields {
    return new ConnectionFields(fields, false);
  }

  /** For a plugin that is not ours: a field is harmless if every one of `tables` that knows it declares it so. */
  static foreign(tables: readonly (readonly ConnectionField[])[]): ConnectionFields {
    const secret = new Set(
      tables
        .flat()
        .filter((field) => field.secret === true)
        .map(({ name }) => name),
    );
    return new ConnectionFields(
      tables.flat().filter(({ name }) => !secret.has(name)),
      true,
    );
  }

  /** What a read shows of a configuration: what is harmless, and of a URL what is not secret in it. */
  shown(config: JsonObject): JsonObject {
    const harmless = Object.entries(config).filter(([name, value]) => this.#isHarmless(name, value));
    return Object.fromEntries(
      harmless.map(([name, value]) => [
        name,
        name === CONNECTION_URL && typeof value === 'string' ? this.#masked(value) : value,
      ]),
    );
  }

  /** What must not be seen of a configuration in an error or in the log, and which names may. */
  hidden(config: JsonObject): Hidden {
    const secrets = new Set<string>();
    const names = new Set<string>();
    for (const [name, value] of Object.entries(config)) {
      if (!this.#isHarmless(name, value)) for (const text of textsOf(value)) addReadings(secrets, text);
      else if (typeof value !== 'string') continue;
      else if (name === CONNECTION_URL) this.#readUrl(value, config, secrets, names);
      else addNames(names, name, value);
    }
    secrets.delete('');
    return { secrets: [...secrets].map((value) => new Secret(value)), names: [...names] };
  }

  /** Declared fields are single values; anything else in one is undeclared. */
  #isHarmless(name: string, value: JsonValue): boolean {
    return this.#harmless.has(name) && (typeof value !== 'object' || value === null);
  }

  /** A setting of a URL, in whatever spelling: drivers disagree about capitals and separators. */
  #isSecret({ name }: UrlSetting): boolean {
    const plain = plainName(name);
    if (this.#secretNames.has(plain)) return true;
    return !this.#harmlessNames.has(plain) && (this.#foreign || tellsOfSecret(plain));
  }

  #masked(url: string): string {
    const { settings, readable } = readConnectionUrl(url);
    if (!readable) return MASK;
    let shown = '';
    let done = 0;
    for (const setting of settings) {
      if (!this.#isSecret(setting) || isTemplate(setting)) continue;
      if (setting.start >= done) shown += url.slice(done, setting.start) + MASK;
      done = Math.max(done, setting.end);
    }
    return shown + url.slice(done);
  }

  #readUrl(url: string, config: JsonObject, secrets: Set<string>, names: Set<string>): void {
    const { settings, readable } = readConnectionUrl(url);
    for (const setting of settings) {
      if (isTemplate(setting)) continue;
      const values = setting.values.map((value) => filledIn(value, config));
      for (const value of values) {
        if (this.#isSecret(setting)) secrets.add(value);
        else addNames(names, setting.name, value);
      }
    }
    if (!readable) secrets.add(url);
  }
}

/** A secret of libpq that we do not use (`scram_client_key`), or one whose name is mistyped. */
function tellsOfSecret(plain: string): boolean {
  return /pass(?!file)|pwd|secret|token|credential|key$/.test(plain.replace(/[^a-z]/g, ''));
}

function addNames(names: Set<string>, field: string, value: string): void {
  if (!NAMES.includes(field)) return;
  // Hosts may be several, each with its port.
  for (const name of field === 'host' ? value.split(/[\s,:]+/) : [value]) names.add(name);
}

/** Every text in a value that is secret. A boolean reveals nothing, and "true" occurs in many messages. */
function textsOf(value: JsonValue): readonly string[] {
  if (typeof value === 'string' || typeof value === 'number') return [String(value)];
  if (Array.isArray(value)) return value.flatMap((entry: JsonValue) => textsOf(entry));
  return isJsonObject(value) ? Object.values(value).flatMap(textsOf) : [];
}

/** Vault's `disable_escaping` has values percent-encoded as they stand in the configuration. */
function addReadings(secrets: Set<string>, text: string): void {
  if (text !== '{{password}}') secrets.add(text).add(percentDecoded(text));
}

/** As the driver receives it, when a placeholder is only a part of the value. */
function filledIn(value: string, config: JsonObject): string {
  return value.replace(/\{\{(username|password)\}\}/g, (placeholder, name: string) => {
    const given = config[name];
    return typeof given === 'string' ? given : placeholder;
  });
}
