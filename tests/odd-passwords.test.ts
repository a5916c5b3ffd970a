/** Passwords of every kind log in with, whoever made the verifier, by the rules of PostgreSQL and libpq. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Secret, saslprep, scramVerifier } from '@coffer/base';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import fc from 'fast-check';
import { newUser, type Opened, openYsql } from '../packages/ysql/src/ysql-fixture.ts';

const COUNT = 500;
const LOGIN_SQL = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`;

/** Characters that SASLprep treats each in its own way (RFC 4013, RFC 3454). */
const KINDS: Readonly<Record<string, string>> = {
  'plain letters': `abcXYZ019 -_'"\\\\`,
  'with accents, composed or not': 'éÅñü\u0301\u030a\u1e69ω',
  'compatibility forms': 'ªﬁⅨ①㎏ſ\u00b2\u1e9bΩ\u212b\uff21\u2f868\uf900',
  'spaces that are not ASCII': '\u00a0\u1680\u2003\u200b\u202f\u3000',
  'mapped to nothing': '\u00ad\u034f\u1806\u180b\u200c\u2060\ufe0f\ufeff',
  'controls, tags, private and deprecated':
    '\u0007\u007f\u0085\u200e\u2028\u206a\ue000\ufffd\ufdd0\u0340\u{e0041}\u{f0000}',
  'unassigned in Unicode 3.2': '\u0221\u0378\u20bf\u{1f600}\u1d6b\u{2b740}\ua717',
  'from right to left': '\u05d0\u05e9\u0627\u0628\u06cc\ufefb\u061f',
  'of no direction': '+/.!€½',
};
const character = fc.oneof(...Object.values(KINDS).map((characters) => fc.constantFrom(...characters)));
const some = fc.array(fc.constantFrom(...Object.values(KINDS)), { minLength: 1, maxLength: 3 });
/** Of a few kinds each, since a password of all kinds is nearly always prohibited. */
const password = fc.oneof(
  some.chain((kinds) => fc.string({ unit: fc.constantFrom(...kinds.join('')), minLength: 1, maxLength: 12 })),
  fc.string({ unit: character, minLength: 1, maxLength: 12 }),
);

let server: TestPostgres;
let opened: Opened;
const passwords = [...new Set(fc.sample(password, { numRuns: COUNT + 200, seed: 3454 }))].slice(0, COUNT);
before(async () => {
  server = await startPostgres();
  opened = await openYsql(server, { password_authentication: 'scram-sha-256' });
});
after(async () => {
  await opened[Symbol.asyncDispose]();
  await server.stop();
});

/** A few at once. */
async function each(work: (password: string, name: string) => Promise<void>): Promise<void> {
  const left = [...passwords.entries()];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await work(next[1], `odd-${next[0]}`);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}

const shown = (text: string): string => [...text].map((c) => c.codePointAt(0)?.toString(16)).join(' ');
const accepted = async (name: string, text: string): Promise<void> => {
  assert.equal(await opened.database.verifyUser?.(name, new Secret(text)), 'accepted', shown(text));
};

describe(`${COUNT} odd passwords`, () => {
  it('are of every kind, changed by SASLprep and left alone', () => {
    assert.equal(passwords.length, COUNT);
    const changed = passwords.filter((text) => saslprep(text) !== text).length;
    const prohibited = passwords.filter((text) => saslprep(text) === text && text.normalize('NFKC') !== text).length;
    assert.ok(changed > 50 && prohibited > 50, `${changed} changed, ${prohibited} prohibited`);
  });

  it('have the verifier that PostgreSQL makes of them', async () => {
    const literal = (text: string): string => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
    const sql = passwords.map((text, at) => `CREATE ROLE "odd-${at}" LOGIN PASSWORD ${literal(text)}`);
    await server.query(sql.join('; '));
    const rows = await server.query(`SELECT rolname, rolpassword FROM pg_authid WHERE rolname LIKE 'odd-%'`);
    assert.equal(rows.length, COUNT);
    for (const { rolname, rolpassword } of rows as { rolname: string; rolpassword: string }[]) {
      const text = passwords[Number(rolname.slice('odd-'.length))] ?? '';
      const salt = Buffer.from(/:([^$]+)\$/.exec(rolpassword)?.[1] ?? '', 'base64');
      assert.equal(await scramVerifier(text, salt), rolpassword, shown(text));
    }
  });

  it("log in by PostgreSQL's verifier", () => each((text, name) => accepted(name, text)));

  it('log in by ours, and another one does not', async () => {
    await server.query(passwords.map((_, at) => `DROP ROLE IF EXISTS "odd-${at}"`).join('; '));
    await each(async (text, name) => {
      await opened.database.newUser(newUser(LOGIN_SQL, { username: name, password: new Secret(text) }));
      await accepted(name, text);
    });
    assert.equal(await opened.database.verifyUser?.('odd-0', new Secret(`${passwords[0]}x`)), 'refused');
  });

  const withoutPsql = spawnSync('psql', ['--version']).status !== 0 && 'psql is not on this machine';
  it('log in by ours with psql', { skip: withoutPsql }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-pgpass-'));
    const passfile = join(directory, 'pgpass');
    const line = (text: string, at: number): string => `*:*:*:odd-${at}:${text.replace(/[\\:]/g, '\\$&')}\n`;
    await writeFile(passfile, passwords.map(line).join(''), { mode: 0o600 });
    // One psql for all of them: it logs in anew at each \connect, and ends at the first that is refused.
    const connects = passwords.map((_, at) => `\\connect - odd-${at}\nSELECT session_user;\n`);
    const at = `host=127.0.0.1 port=${server.port} dbname=${server.database} user=odd-0 sslmode=disable passfile=${passfile}`;
    const psql = promisify(execFile)('psql', ['-XAtwq', at]);
    psql.child.stdin?.end(connects.join(''));
    const { stdout, stderr } = await psql.catch((error: unknown) => error as { stdout: string; stderr: string });
    const loggedIn = stdout.split('\n').filter((name) => name !== '');
    for (const [index, text] of passwords.entries())
      assert.equal(loggedIn[index], `odd-${index}`, `${shown(text)}: ${stderr}`);
    await rm(directory, { recursive: true });
  });
});

describe('our own login', () => {
  it('goes on when a root password is rotated to an odd one, and connects anew by it', async () => {
    for (const text of ['a\u00adb\u0007', '\u00ad', 'é\u{1f600}', '\u06271', 'ⅨAªA']) {
      for (const password_authentication of ['password', 'scram-sha-256']) {
        await server.query(`DROP ROLE IF EXISTS odd_admin; CREATE ROLE odd_admin LOGIN CREATEROLE PASSWORD 'first'`);
        const admin = { ...server, user: 'odd_admin', password: 'first' };
        await using first = await openYsql(admin, { password_authentication });
        const newPassword = new Secret(text);
        await first.database.updateUser({ username: 'odd_admin', password: { newPassword, statements: [] } });
        await using second = await openYsql({ ...admin, password: text }, { password_authentication });
        const username = await second.database.newUser(newUser(LOGIN_SQL));
        await second.database.deleteUser({ username, statements: [] });
      }
    }
    await server.query('DROP ROLE odd_admin');
  });

  it('refuses what cannot be a password of a login, and says why', async () => {
    await server.query(`CREATE ROLE refused LOGIN PASSWORD 'first'`);
    for (const password_authentication of ['password', 'scram-sha-256']) {
      await using plugin = await openYsql(server, { password_authentication });
      for (const text of ['a\0b', '\0']) {
        const newPassword = new Secret(text);
        const change = plugin.database.updateUser({ username: 'refused', password: { newPassword, statements: [] } });
        await assert.rejects(change, { code: 'invalid-request', message: /NUL/ });
        await assert.rejects(plugin.database.newUser(newUser(LOGIN_SQL, { password: new Secret(text) })), /NUL/);
      }
    }
    await accepted('refused', 'first');
  });

  it('works by a password that looks like a verifier, is long, or is no well-formed text', async () => {
    await using plugin = await openYsql(server);
    for (const text of [
      `md5${'0'.repeat(32)}`,
      await scramVerifier('other'),
      'x'.repeat(2000),
      'é'.repeat(600),
      'a\ud800b',
    ]) {
      await server.query(`DROP ROLE IF EXISTS looks; CREATE ROLE looks LOGIN`);
      const newPassword = new Secret(text);
      await plugin.database.updateUser({ username: 'looks', password: { newPassword, statements: [] } });
      await accepted('looks', text);
    }
  });

  it('works in a database of another encoding, for names as far as anybody could log in', async () => {
    for (const encoding of ['LATIN1', 'SQL_ASCII']) {
      const database = `of_${encoding.toLowerCase()}`;
      await server.query(`CREATE DATABASE ${database} ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`);
      await using plugin = await openYsql({ ...server, database });
      const username = await plugin.database.newUser(newUser(LOGIN_SQL, { password: new Secret('pässwörd') }));
      assert.equal(await plugin.database.verifyUser?.(username, new Secret('pässwörd')), 'accepted');
      const named = plugin.database.newUser(newUser(LOGIN_SQL, { username: 'ünser', password: new Secret('p') }));
      if (encoding === 'LATIN1')
        await assert.rejects(named, { code: 'invalid-request', message: /encoding is not UTF8/ });
      else assert.equal(await plugin.database.verifyUser?.(await named, new Secret('p')), 'accepted');
      for (const name of [username, 'ünser']) await plugin.database.deleteUser({ username: name, statements: [] });
    }
  });

  it('takes no name that the server would read as another', async () => {
    await using plugin = await openYsql(server);
    const { database } = plugin;
    for (const username of ['a\0b', 'a\ud800']) {
      const refused = { code: 'invalid-request', message: /NUL character or half of a surrogate pair/ };
      await assert.rejects(database.newUser(newUser(LOGIN_SQL, { username })), refused);
      await assert.rejects(database.deleteUser({ username, statements: [] }), refused);
      const change = { newPassword: new Secret('p'), statements: [] };
      await assert.rejects(database.updateUser({ username, password: change }), refused);
    }
  });
});
