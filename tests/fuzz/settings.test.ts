/** Any credentials arrive as they were given, in every form of configuration; any configuration is taken or explained. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCofferError, type JsonObject, type JsonValue } from '@coffer/base';
import { checkYsqlConfig, YSQL_FIELDS } from '@coffer/ysql';
import fc from 'fast-check';
import { parseSettings, type YsqlSettings } from '../../packages/ysql/src/settings/settings.ts';
import { fuzz } from './fuzz-runs.ts';

const parse = (config: JsonObject): YsqlSettings => parseSettings(config, () => undefined);

/** Anything but NUL, which no database takes, and with the characters that separate things in URLs and libpq strings. */
const awkwardText = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom(...`'"\\@/:%?#&=[]{} \n\t$,;+é😀a1`, '%41', '{{', '}}'),
    minLength: 1,
    maxLength: 20,
  }),
);
const credential = awkwardText.filter((text) => !/\{\{(username|password)\}\}/.test(text));
/** In a libpq string braces around a whole value are a placeholder, also when they are quoted. */
const unbraced = credential.filter((text) => !/^\{\{.*\}\}$/s.test(text));
const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;

const QUOTED = 'quoted in key=value';

/** Every way to say who logs in with what. */
const FORMS: Readonly<Record<string, (username: string, password: string) => JsonObject>> = {
  fields: (username, password) => ({ host: 'h', username, password }),
  'placeholders in a URL': (username, password) => ({
    connection_url: 'postgres://{{username}}:{{password}}@h:1234/d?sslmode=disable',
    username,
    password,
  }),
  'placeholders already encoded': (username, password) => ({
    connection_url: 'postgresql://{{username}}:{{password}}@h:1234/d',
    username: encodeURIComponent(username),
    password: encodeURIComponent(password),
    disable_escaping: true,
  }),
  'a percent-encoded URL': (username, password) => ({
    connection_url: `postgres://${encodeURIComponent(username)}:${encodeURIComponent(password)}@h:1234/d`,
  }),
  'query of a URL': (username, password) => ({
    connection_url: `postgres:///d?host=h&user=${encodeURIComponent(username)}&password=${encodeURIComponent(password)}`,
  }),
  'placeholders in key=value': (username, password) => ({
    connection_url: `host=h port=1234 user={{username}} password='{{password}}' dbname=d`,
    username,
    password,
  }),
  [QUOTED]: (username, password) => ({
    connection_url: `user = ${quoted(username)} password=${quoted(password)} host=h`,
  }),
};

describe('credentials', () => {
  for (const [form, config] of Object.entries(FORMS)) {
    it(`arrive as they are from ${form}`, () => {
      const arrive = (username: string, password: string): void => {
        const settings = parse(config(username, password));
        assert.deepEqual([settings.username, settings.password.reveal()], [username, password]);
        assert.deepEqual(
          settings.hosts.map(({ host }) => host),
          ['h'],
        );
        checkYsqlConfig(config(username, password));
      };
      const given = form === QUOTED ? unbraced : credential;
      fc.assert(fc.property(given, given, arrive), fuzz(200));
    });
  }

  it('are in no error', () => {
    const marked = fc.tuple(awkwardText, awkwardText).map(([before, after]) => `${before}hush-hush${after}`);
    const rest = fc.string({ unit: fc.constantFrom(...'@:/?#%&=, h1'), maxLength: 12 });
    fc.assert(
      fc.property(marked, rest, (password, noise) => {
        for (const url of [`postgres://u:${password}@h${noise}`, `host=h password=${password} ${noise}=`]) {
          const message = errorOf({ connection_url: url, username: 'u', password });
          assert.ok(message === undefined || !message.includes('hush-hush'), message);
        }
      }),
      fuzz(300),
    );
  });
});

/** The message of the error; anything but a CofferError that a user can act on is thrown on. */
function errorOf(config: JsonObject): string | undefined {
  let message: string | undefined;
  for (const take of [parse, checkYsqlConfig]) {
    try {
      take(config);
    } catch (error) {
      if (!isCofferError(error, 'invalid-request')) throw error;
      assert.notEqual(error.message, '');
      message = `${message ?? ''}${error.message}`;
    }
  }
  return message;
}

describe('a configuration', () => {
  const plausible = fc.constantFrom<JsonValue>(
    ...['true', 'false', 'any', 'only-rr', 'require', 'h1,h2', 'a.b.c:1,a.b.*:3', '1h30m', '-1', '70000', '', '{{.X}}'],
    ...['postgres://u:p@h/d', 'host=h user=u', '{{random 8}}', 5433, 0, -1, 1.5, 1e21, true, false, null],
  );
  const anything = fc.jsonValue().map((value) => value as JsonValue);
  const name = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...YSQL_FIELDS.map((field) => field.name)) },
    { weight: 1, arbitrary: fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'load-balance')) },
  );
  const base = fc.constantFrom<JsonObject>({}, { host: 'h', username: 'u', password: 'p' });

  it('of any kind is taken or explained', () => {
    const fields = fc.dictionary(name, fc.oneof(plausible, anything), { maxKeys: 8 });
    let taken = 0;
    fc.assert(
      fc.property(base, fields, (given, more) => {
        if (errorOf({ ...given, ...more }) === undefined) taken++;
      }),
      fuzz(1_000),
    );
    assert.ok(taken > 0, 'some of them are good');
  });

  it('with any URL is taken or explained', () => {
    const piece = fc.constantFrom(
      ...['postgres://', 'postgresql://', '{{username}}', '{{password}}', '@', ':', '/', '?', '#', '&', '=', ',', '%'],
      ...[
        '%41',
        '%zz',
        '[::1]',
        '[',
        ']',
        'h',
        '1234',
        '99999',
        ' ',
        "'",
        '\\',
        'host',
        'port',
        'user',
        'dbname',
        '😀',
      ],
      ...[
        'sslmode',
        'require',
        'load_balance',
        'options',
        'statement_timeout',
        '-c a=b',
        'connect-timeout',
        '5s',
        '\0',
      ],
    );
    const url = fc.oneof(
      fc.string({ unit: piece, maxLength: 20 }),
      fc.string({ unit: piece, maxLength: 20 }).map((text) => `postgres://${text}`),
      fc.string({ unit: piece, maxLength: 20 }).map((text) => `host=h ${text}`),
    );
    let taken = 0;
    fc.assert(
      fc.property(url, (connection_url) => {
        if (errorOf({ connection_url, username: 'u', password: 'p' }) === undefined) taken++;
      }),
      fuzz(2_000),
    );
    assert.ok(taken > 0, 'some of them are good');
  });
});
