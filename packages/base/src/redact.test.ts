import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogger, type LogEntry } from './log.ts';
import { redact, redactingLogger } from './redact.ts';
import { Secret } from './secret.ts';

const hide = (text: string, secrets: string | readonly string[], names: readonly string[] = []): string =>
  redact(text, { secrets: [secrets].flat().map((secret) => new Secret(secret)), names });

describe('a secret that nobody writes by chance', () => {
  it('is found in a text in its URL, JSON and SQL forms', () => {
    const text = [`p@ss"'w`, encodeURIComponent(`p@ss"'w`), JSON.stringify(`p@ss"'w`), `p@ss"''w`].join(' ');
    assert.equal(hide(text, `p@ss"'w`), `[password] [password] "[password]" [password]`);
  });
  it('is found as Go writes it into a URL', () => {
    assert.equal(
      hide('u:hunter2%21%27@h and q=hunter2%21%27+%28', ["hunter2!'", "hunter2!' ("]),
      'u:[password]@h and q=[password]',
    );
  });
  it('is found inside a word, and inside another secret', () => {
    assert.equal(hide('no xxHush7hush7yy here', 'Hush7hush7'), 'no xx[password]yy here');
    assert.equal(hide('Hush7hush7-more!', ['Hush7hush7', 'Hush7hush7-more']), '[password]!');
  });
  it('leaves nothing of two that overlap', () => {
    assert.equal(hide('<Hush7hush8>', ['Hush7hu', 'h7hush8']), '<[password]>');
  });
  it('is found where PostgreSQL has cut it to a name, at a character', () => {
    for (const unit of ['x', 'é', '日']) {
      const secret = `Hush7${unit.repeat(80)}`;
      const cut = new TextDecoder().decode(Buffer.from(secret).subarray(0, 63), { stream: true });
      assert.equal(hide(`role "${cut}" does not exist`, secret), 'role "[password]" does not exist');
    }
  });
  it('is found in lower case, unless that is an ordinary word', () => {
    assert.equal(hide('role hush7hush7 does not exist', 'Hush7Hush7'), 'role [password] does not exist');
    assert.equal(hide('the server said "server"', 'SeRver'), 'the server said "[password]"');
  });
  it('is found though it is no well-formed text', () => {
    assert.equal(hide('"a\ud800bcdef"', 'a\ud800bcdef'), '"[password]"');
  });
  it('is nothing when it is empty', () => {
    assert.equal(hide('abc', ''), 'abc');
  });
});

describe('a SCRAM verifier', () => {
  const verifier = 'SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0$abc/def+g=:hij/klm+n=';
  it('is hidden whoever’s it is, whole or cut', () => {
    for (const shown of [verifier, verifier.slice(0, 40), verifier.slice(0, 25)]) {
      assert.equal(hide(`role "${shown}" does not exist`, 'other'), 'role "[password]" does not exist');
    }
  });
});

/** What a driver, PostgreSQL or another plugin may say with a secret in it, `§` for the secret. */
const TELLING = [
  'role "§" does not exist',
  'syntax error at or near "§"',
  `syntax error at or near "'§'"`,
  `unterminated quoted string at or near "'§"`,
  'invalid input syntax for type integer: "§"',
  'failed to execute query: ERROR: § (SQLSTATE P0001)',
  'ERROR: §',
  '§',
  "cannot run ALTER ROLE x PASSWORD '§'",
  "cannot run ALTER ROLE x PASSWORD E'§'",
  'near "$x$§$x$"',
  'cannot parse `host=h user=u password=§ dbname=d`',
  'cannot parse "host=h password = § dbname=d"',
  `cannot parse "host=h sslpassword='§'"`,
  'cannot parse postgres://u:§@h:5433/db',
  'cannot parse postgres://h/db?password=§&sslmode=require',
  'cannot parse "postgres://h/db?sslpassword=§"',
  'cannot parse "postgres://h/db?sslmode=require&ssl%70assword=§&x=y"',
  'no login with password §',
  'wrong password: §',
  'wrong password (§)',
  '{"username":"u","password":"§"}',
  String.raw`{\"password\":\"§\"}`,
  'malformed array literal: "{§}"',
  'Key (id)=(§) already exists.',
  'first line\n§\nthird line',
];

/** Sentences in which each secret below stands, by chance. */
const CHANCE = [
  'the server does not support SSL/TLS, but sslmode is require (SQLSTATE 28P01)',
  'failed to connect to host=h1 port=1: password authentication failed for user "admin"',
  'a node could not be asked, and the password of the user is as it was; trying again after 1 s',
  "the server's, the nodes' and a client's own clock: it is 12:30:01",
  'connection_url uses {{password}} and {{name}}, at character 1',
  'could not determine data type of parameter $1 at 10.0.0.1:5432, line 1',
];
const ORDINARY = [
  'a',
  's',
  'x',
  '1',
  'the',
  'it',
  'is',
  'of',
  'h1',
  'name',
  '28P01',
  'server',
  'password',
  'authentication',
  'SSL',
  'user',
  'node',
];

describe('a secret that may be an ordinary word', () => {
  for (const secret of ['p', 'Q', '7', 'the', 'postgres', 'SQL', 'hunter', '1234567', 'ab12', 'пароль', '密码']) {
    it(`${JSON.stringify(secret)} goes where it stands as a value`, () => {
      for (const text of TELLING) {
        const quoted = /'§'/.test(text) ? secret.replaceAll("'", "''") : secret;
        assert.equal(
          hide(
            text.replace('§', () => quoted),
            secret,
          ),
          text.replace('§', '[password]'),
          text,
        );
      }
    });
  }
  for (const secret of ORDINARY) {
    it(`${secret} stays where it is a word among words`, () => {
      for (const text of CHANCE) assert.equal(hide(text, secret), text);
    });
  }
  it('goes between quotes when it is no word at all, and leaves the quotes', () => {
    for (const secret of ["'", '\\', ' ', '-', '??', '"']) {
      const json = JSON.stringify(secret);
      assert.equal(
        hide(`syntax error at or near ${json}, in {"a": 'b-c'} \\ ??`, secret),
        `syntax error at or near "[password]", in {"a": 'b-c'} \\ ??`,
      );
    }
  });
  it('stays inside of a word', () => {
    assert.equal(
      hide('"passing" postgresql="x" password=postgresql', ['pass', 'postgres', 'p']),
      '"passing" postgresql="x" password=postgresql',
    );
  });
});

describe('a secret that is a name as well', () => {
  const message = 'failed to connect to host=h user=yugabyte database=yugabyte: FATAL: role "yugabyte" does not exist';
  it('goes only where a password stands', () => {
    assert.equal(hide(message, 'yugabyte', ['yugabyte']), message);
    assert.equal(
      hide(`postgres://yugabyte:yugabyte@h/yugabyte PASSWORD 'yugabyte' password=yugabyte`, 'yugabyte', ['yugabyte']),
      `postgres://yugabyte:[password]@h/yugabyte PASSWORD '[password]' password=[password]`,
    );
    assert.equal(
      hide('user=vault_admin.1 password=vault_admin.1', 'vault_admin.1', ['vault_admin.1']),
      'user=vault_admin.1 password=[password]',
    );
  });
  it('goes everywhere when it does not look like a name: it was put into the wrong field', () => {
    assert.equal(
      hide('database "Hush7-adm1n" does not exist', 'Hush7-adm1n', ['Hush7-adm1n']),
      'database "[password]" does not exist',
    );
  });
});

describe('labels', () => {
  it('are never looked through', () => {
    for (const text of ['role "[password]" and [password]', '[password]']) {
      assert.equal(hide(text, ['password', 'p', 'word', '[', ']', 'pass']), text);
    }
    assert.equal(hide('"Hush7hush7" "password"', ['Hush7hush7', 'password']), '"[password]" "[password]"');
  });
});

describe('redactingLogger', () => {
  it('hides what is secret when a line is written, in the message and in the fields', () => {
    const lines: LogEntry[] = [];
    const secrets: Secret[] = [];
    const logger = redactingLogger(
      createLogger('ysql', 'debug', (entry) => lines.push(entry)),
      () => ({ secrets, names: [] }),
    );
    const named = logger.named('pool');
    named.info('before Hush7hush7');
    secrets.push(new Secret('Hush7hush7'));
    named.warn('after Hush7hush7', { error: 'x: Hush7hush7', attempt: 1 });
    assert.deepEqual(
      lines.map(({ module, level, message, fields }) => ({ module, level, message, fields })),
      [
        { module: 'ysql.pool', level: 'info', message: 'before Hush7hush7', fields: {} },
        {
          module: 'ysql.pool',
          level: 'warn',
          message: 'after [password]',
          fields: { error: 'x: [password]', attempt: 1 },
        },
      ],
    );
  });
});
