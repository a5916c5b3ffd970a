/** Whatever our plugin takes for a secret in a connection URL is masked on a read and redacted from errors. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCofferError } from '@coffer/base';
import { ConnectionFields } from '@coffer/database-plugin';
import { YSQL } from '@coffer/ysql';
import fc from 'fast-check';
import { parseSettings, type YsqlSettings } from '../../packages/ysql/src/settings/settings.ts';
import { fuzz } from './fuzz-runs.ts';

const fields = ConnectionFields.declared(YSQL.fields);
/** What the URL's placeholders stand for. */
const GIVEN = { username: 'given-user', password: 'given-password' };

function parse(connection_url: string): YsqlSettings | undefined {
  try {
    return parseSettings({ connection_url, ...GIVEN }, () => undefined);
  } catch (error) {
    assert.ok(isCofferError(error, 'invalid-request'), String(error));
    return undefined;
  }
}

const secretsOf = ({ password, tls }: YsqlSettings): readonly string[] =>
  [password.reveal(), tls.keyPassword.reveal()].filter((secret) => secret !== '' && secret !== GIVEN.username);

function check(url: string): boolean {
  const settings = parse(url);
  if (settings === undefined) return false;
  const hidden = new Set(fields.hidden({ connection_url: url, ...GIVEN }).secrets.map((secret) => secret.reveal()));
  for (const secret of secretsOf(settings)) assert.ok(hidden.has(secret), `${secret} is not hidden`);
  const shown = fields.shown({ connection_url: url })['connection_url'];
  assert.ok(typeof shown === 'string');
  // Where the mask left nothing that is a URL, it left no secret.
  const again = parse(shown);
  for (const secret of again === undefined ? [] : secretsOf(again)) {
    const theSame = secretsOf(settings).includes(secret) && secret !== GIVEN.password && secret !== '*****';
    assert.ok(!theSame, `${secret} is shown in ${shown}`);
  }
  return true;
}

const word = fc.constantFrom(
  'Hush1',
  'Hush2',
  'u',
  'h',
  'db',
  '5433',
  'é',
  '%40',
  '%3D',
  '%2525',
  '{{password}}',
  '{{username}}',
);
const mark = fc.constantFrom(...`:@/?#&;=,.'"\\ +%[]{}`);
const key = fc.constantFrom(
  'password=',
  'sslpassword=',
  'ssl%70assword=',
  'sslPassword=',
  'ssl-password=',
  'PASSWORD=',
  'user=',
  'host=',
  'port=',
  'dbname=',
  'sslmode=disable',
  'search_path=',
  'options=',
);
const text = fc.array(fc.oneof({ weight: 3, arbitrary: word }, mark), { maxLength: 4 }).map((parts) => parts.join(''));
const pairs = (separator: string) =>
  fc
    .array(
      fc.tuple(key, text).map((pair) => pair.join('')),
      { maxLength: 4 },
    )
    .map((all) => all.join(separator));
const quoted = text.map((value) => `'${value.replace(/[\\']/g, '\\$&')}'`);

const FORMS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  'a URL': fc
    .tuple(fc.constantFrom('postgres://', 'postgresql://', 'Postgres://'), text, text, text, pairs('&'))
    .map(([scheme, user, password, db, query]) => `${scheme}${user}:${password}@h:5433/${db}?${query}`),
  'a URL without a user': fc.tuple(text, pairs('&')).map(([db, query]) => `postgres://h:5433/${db}?user=u&${query}`),
  'key=value': fc
    .tuple(pairs(' '), fc.oneof(text, quoted), fc.oneof(text, quoted), fc.constantFrom('=', ' = '))
    .map(([more, one, two, equals]) => `host=h user=u password${equals}${one} sslpassword${equals}${two} ${more}`),
  'any mixture': fc
    .array(fc.oneof(word, mark, key), { maxLength: 12 })
    .map((parts) => `postgres://u:${parts.join('')}`),
};

describe('a secret in connection_url', () => {
  for (const [form, arbitrary] of Object.entries(FORMS)) {
    it(`is known wherever it stands in ${form}`, () => {
      let taken = 0;
      fc.assert(
        fc.property(arbitrary, (url) => {
          if (check(url)) taken++;
        }),
        fuzz(3_000),
      );
      assert.ok(taken > 20, `${taken} of them are URLs`);
    });
  }
});
