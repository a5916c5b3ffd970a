import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type JsonObject, redact } from '@coffer/base';
import { type ConnectionField, ConnectionFields } from './connection-fields.ts';
import { urlHoldsPassword } from './connection-url.ts';

const TABLE: readonly ConnectionField[] = [
  ...['connection_url', 'host', 'port', 'db', 'username', 'sslmode', 'sslrootcert'].map((name) => ({ name })),
  ...['password', 'private_key', 'sslpassword'].map((name) => ({ name, secret: true as const })),
];
const ours = ConnectionFields.declared(TABLE);
const theirs = ConnectionFields.foreign([TABLE]);

const secretsOf = (config: JsonObject, fields = ours): readonly string[] =>
  fields
    .hidden(config)
    .secrets.map((secret) => secret.reveal())
    .sort();
const shownUrl = (connection_url: string, fields = ours) => fields.shown({ connection_url })['connection_url'];

describe('what a read of a connection shows', () => {
  it('leaves out credentials and keys', () => {
    const details = { host: 'h', password: 'p', private_key: 'k', sslpassword: 's', username: 'u' };
    assert.deepEqual(ours.shown(details), { host: 'h', username: 'u' });
  });

  it('masks a password in a URL, and keeps placeholders', () => {
    const cases = [
      ['postgres://u:secret@h:5433/db', 'postgres://u:*****@h:5433/db'],
      ['postgres://u:p%40s/s@h/db?sslmode=require', 'postgres://u:*****@h/db?sslmode=require'],
      ['postgres://u:a@b:c@h/db', 'postgres://u:*****@h/db'],
      ['postgres://{{username}}:{{password}}@h/db', 'postgres://{{username}}:{{password}}@h/db'],
      [
        'postgres://h/db?user=u&password=secret&sslmode=require',
        'postgres://h/db?user=u&password=*****&sslmode=require',
      ],
      [`host=h user=u password='se cret' dbname=d`, 'host=h user=u password=***** dbname=d'],
      ['host=h password={{password}}', 'host=h password={{password}}'],
      ['postgres://h/db', 'postgres://h/db'],
    ] as const;
    for (const [url, shown] of cases) {
      assert.deepEqual(ours.shown({ connection_url: url }), { connection_url: shown });
      assert.equal(urlHoldsPassword(url), url !== shown, url);
    }
  });

  it('masks every declared secret in a URL, however its name is written', () => {
    const cases = [
      ['postgres://h/db?sslpassword=a%20b&sslmode=require', 'postgres://h/db?sslpassword=*****&sslmode=require'],
      ['postgres://h/db?sslmode=require&%73slpassword=ab', 'postgres://h/db?sslmode=require&%73slpassword=*****'],
      ['postgres://h/db?sslPassword=ab&private-key=k', 'postgres://h/db?sslPassword=*****&private-key=*****'],
      ['postgres://h/db?%70assword=ab', 'postgres://h/db?%70assword=*****'],
      ['postgres://h/db?pass%77ord=ab&%50ASSWORD=cd', 'postgres://h/db?pass%77ord=*****&%50ASSWORD=*****'],
      ['postgres://h/db?ssl%2570assword=ab', 'postgres://h/db?ssl%2570assword=*****'],
      [
        'postgres://h/db?ssl+password=ab&%20sslpassword%20=cd',
        'postgres://h/db?ssl+password=*****&%20sslpassword%20=*****',
      ],
      ['host=h\tPASSWORD\n=\nab Ssl_Password=cd', 'host=h\tPASSWORD\n=\n***** Ssl_Password=*****'],
      ['postgres://h/db?sslmode=require;password=ab', 'postgres://h/db?sslmode=require;password=*****'],
      ['postgres://h/db?password=a;b', 'postgres://h/db?password=*****'],
      ['postgres://h/db?password=a#b', 'postgres://h/db?password=*****'],
      ['postgres://h/db?password=', 'postgres://h/db?password='],
      ['postgres://h/db?sslpassword={{password}}x', 'postgres://h/db?sslpassword=*****'],
      ["host=h sslpassword='it\\'s it' sslmode=require", 'host=h sslpassword=***** sslmode=require'],
      // To readers who decode before they separate, and to the server.
      ['postgres://h/db?sslpassword%3Dab&sslmode=require', 'postgres://h/db?*****&sslmode=require'],
      ['postgres://h/db?x=1%26ssl%2570assword=ab', 'postgres://h/db?x=*****'],
      ['postgres://h/db?x=1%3Bpassword%3Dab;y=2', 'postgres://h/db?x=*****;y=2'],
      ['postgres://h/db?options=-c%20sslpassword%3Dab', 'postgres://h/db?options=*****'],
      ["host=h options='-c search_path=x --password=ab'", 'host=h options=*****'],
      ['postgres://h/db?options=-c%20search_path%3Dx', 'postgres://h/db?options=-c%20search_path%3Dx'],
      ['host=h sslPassword = ab dbname=d', 'host=h sslPassword = ***** dbname=d'],
    ] as const;
    for (const [url, shown] of cases) assert.equal(shownUrl(url), shown);
  });

  it('masks what has the name of a secret, though nobody declared it', () => {
    for (const name of [
      'passwrod',
      'passwd',
      'PWD',
      'password[]',
      'scram_client_key',
      'oauth_client_secret',
      'api-token',
    ]) {
      assert.equal(
        shownUrl(`postgres://h/db?${name}=ab&sslmode=require`),
        `postgres://h/db?${name}=*****&sslmode=require`,
      );
      assert.deepEqual(secretsOf({ connection_url: `postgres://h/db?${name}=ab` }), ['ab']);
    }
    const harmless = 'postgres://h/db?passfile=/p&service=s&search_path=x&sslrootcert=/ca';
    assert.equal(shownUrl(harmless), harmless);
  });

  it('masks the wider reading where readers of URLs disagree', () => {
    for (const password of ['p/w', 'p?w', 'p#w', 'p@w', 'p:w', 'p/w@x', 'p?w@x', 'p&password=x']) {
      const url = `postgres://u:${password}@h/db`;
      assert.equal(shownUrl(url), 'postgres://u:*****@h/db');
      assert.ok(secretsOf({ connection_url: url }).includes(password), url);
    }
    for (const url of [
      'postgres://h:5433/db?note=a@b',
      'postgres://[::1]:5433/db?note=a@b',
      'postgres://h/d:b?note=a@b',
    ]) {
      assert.equal(shownUrl(url), url);
    }
  });

  it('masks both readings where an "@" in the query may as well be the end of the user', () => {
    for (const [url, shown] of [
      ['postgres://u:,password=?password=@', 'postgres://u:**********'],
      ['postgres://h1:5433,h2?password=p@ss', 'postgres://h1:*****'],
      ['postgres://h1:5433,h2/db?user=u&sslpassword=p@ss&x=y', '*****'],
      ['postgres://h1:5433,h2?user=u#&password=p@ss', 'postgres://h1:*****'],
    ] as const) {
      assert.equal(shownUrl(url), shown);
      const secret = /password=([^=&]*)(?:&x=y)?$/.exec(url)?.[1] ?? '';
      assert.ok(secretsOf({ connection_url: url }).includes(secret), url);
    }
  });

  it('shows nothing of a URL that it cannot read', () => {
    for (const url of [
      'u:secret@tcp(h:3306)/db',
      'mysql://u:p@tcp(h:3306)/',
      'jdbc:sqlserver://h;user=u;password=secret',
      'sqlserver://h;password=secret',
      'server=h;port=1;user id=sa;password=secret',
      `host=h password='secret`,
      'secret',
    ]) {
      assert.equal(shownUrl(url), '*****', url);
      assert.ok(secretsOf({ connection_url: url }).includes(url));
    }
    assert.deepEqual(ours.shown({ connection_url: ['postgres://u:p@h'], host: { password: 'p' } }), {});
  });

  it('shows of a foreign plugin what is known to be harmless', () => {
    const config = {
      host: 'h',
      username: 'u',
      api_token: 't',
      password: 'p',
      tls_certificate_key: 'k',
      nodes: ['n'],
      connection_url: 'mongodb://u:secret@h1,h2:1/db?sslmode=require&authKey=abc&user=u',
    };
    assert.deepEqual(theirs.shown(config), {
      host: 'h',
      username: 'u',
      connection_url: 'mongodb://u:*****@h1,h2:1/db?sslmode=require&authKey=*****&user=u',
    });
    assert.equal(shownUrl('postgres://u@h/db?search_path=x'), 'postgres://u@h/db?search_path=x');
  });

  it('takes a field for secret when any table says so', () => {
    const other = [{ name: 'host', secret: true as const }, { name: 'region' }];
    const fields = ConnectionFields.foreign([TABLE, other]);
    assert.deepEqual(fields.shown({ host: 'h', region: 'r', username: 'u' }), { region: 'r', username: 'u' });
  });

  it('is soon done with a long URL', () => {
    const long = 'a;b&'.repeat(200_000);
    for (const url of [
      `postgres://h/?${long}`,
      `postgres://u:${long}@h`,
      `postgres://h/?x=${'-c '.repeat(300_000)}`,
      `postgres://h/?x${'%20'.repeat(300_000)}`,
      `postgres://h/?%${'25'.repeat(300_000)}=x`,
      `host=h options='${' a'.repeat(300_000)}'`,
      `x='${long}`,
      `postgres://${'@'.repeat(500_000)}`,
    ]) {
      const start = process.cpuUsage();
      theirs.shown({ connection_url: url });
      theirs.hidden({ connection_url: url });
      assert.ok(process.cpuUsage(start).user < 10_000_000);
    }
  });
});

describe('what is hidden of a configuration', () => {
  it('is its secret fields, and what is secret in every form of connection_url', () => {
    assert.deepEqual(secretsOf({ password: 'a', private_key: 'b', sslpassword: 'c', username: 'u', port: 1 }), [
      'a',
      'b',
      'c',
    ]);
    assert.deepEqual(secretsOf({ connection_url: 'postgres://u:p%40ss@h:5433/db' }), ['p%40ss', 'p@ss']);
    assert.deepEqual(secretsOf({ connection_url: 'postgres://u:%zz@h/db?sslpassword=s%20t' }), ['%zz', 's t', 's%20t']);
    assert.deepEqual(secretsOf({ connection_url: "host=h password='it\\'s' sslpassword = q user=u" }), ["it's", 'q']);
    assert.deepEqual(secretsOf({ connection_url: 'postgres://h/db?%73slpassword=q+r' }), ['q r', 'q+r']);
    assert.deepEqual(secretsOf({ connection_url: 'postgres://h/db?options=-c%20sslpassword%3Dab' }), ['ab']);
  });
  it('is no template and no empty value', () => {
    assert.deepEqual(secretsOf({ password: '', connection_url: 'postgres://{{username}}:{{password}}@h/db' }), []);
    assert.deepEqual(secretsOf({ connection_url: 'postgres://h:5433/db' }), []);
  });
  it('is a password as it is used: decoded, a number, and what a template makes of it', () => {
    assert.deepEqual(secretsOf({ password: 'p%40w', disable_escaping: true }), ['p%40w', 'p@w']);
    assert.deepEqual(secretsOf({ password: 12345 }), ['12345']);
    assert.deepEqual(secretsOf({ password: 'pw', connection_url: 'host=h password={{password}}1' }), ['pw', 'pw1']);
  });
  it('is everything of which nobody said that it is harmless', () => {
    const config = {
      host: 'h',
      api_token: 't',
      tls: true,
      nodes: ['n', { key: 'k' }],
      connection_url: 'x://h/?authKey=a',
    };
    assert.deepEqual(secretsOf(config, theirs), ['a', 'k', 'n', 't']);
  });
  it('is a password that was put into a field that holds no name', () => {
    const hidden = ours.hidden({ password: 'correct-horse', sslmode: 'correct-horse', port: 'correct-horse' });
    assert.equal(
      redact('field "port": "correct-horse" is no number', hidden),
      'field "port": "[password]" is no number',
    );
  });
  it('is no name that is harmless, though the password be the same', () => {
    const config = { connection_url: 'postgres://yugabyte:yugabyte@yb-1:5433/yugabyte' };
    const { names } = ours.hidden(config);
    for (const name of ['yugabyte', 'yb-1']) assert.ok(names.includes(name), name);
    const text = 'postgres://yugabyte:yugabyte@yb-1:5433/yugabyte: role "yugabyte"';
    assert.equal(
      redact(text, ours.hidden(config)),
      'postgres://yugabyte:[password]@yb-1:5433/yugabyte: role "yugabyte"',
    );
  });
});
