/** Wrong input gets an error that names the field, what is wrong and what to do; nothing is half-done; nothing leaks. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { ApiError } from '@coffer/client';
import { databaseUnderTest, dropAdmin, makeAdmin, type TestDatabase } from '@coffer/testkit';
import { configure, issue, SEED_CREATION, startTestServer, type TestServer, connectionTo } from './dev-server.ts';
import { issuedRoles, tryLogin } from './logins.ts';

let database: TestDatabase;
let server: TestServer;

before(async () => {
  database = await databaseUnderTest();
  server = await startTestServer();
  await configure(server.client, fields());
});
after(async () => {
  await server.close();
  await database.stop();
});

const fields = (): JsonObject => connectionTo(database);

/** Writes, and gives back the error's status and text. */
async function refused(work: Promise<unknown>): Promise<{ status: number; text: string }> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    assert.doesNotMatch(error.message, /\bat .*\.(ts|js|cjs):\d+/, 'no stack trace');
    return { status: error.status, text: error.errors.join('\n') };
  }
  return assert.fail('it was accepted');
}
const config = (changes: JsonObject) =>
  refused(server.client.write('database/config/bad', { plugin_name: 'ysql-plugin', ...fields(), ...changes }));
const role = (changes: JsonObject) =>
  refused(
    server.client.write('database/roles/bad', {
      db_name: 'yugabytedb',
      creation_statements: SEED_CREATION,
      ...changes,
    }),
  );

describe('configuration', () => {
  const cases: readonly [string, JsonObject, RegExp][] = [
    ['an unknown field', { hots: 'x' }, /unknown field "hots".*did you mean "host"/s],
    ['a misspelt field', { ssl_mode: 'require' }, /"ssl_mode".*"sslmode"/s],
    ['a port that is no number', { port: 'many' }, /port/],
    ['a port out of range', { port: 70_000 }, /port/],
    ['a wrong sslmode', { sslmode: 'sometimes' }, /sslmode.*verify-full/s],
    ['a wrong load_balance', { load_balance: 'maybe' }, /load_balance/],
    ['a refresh interval that is no number', { yb_servers_refresh_interval: 'soon' }, /yb_servers_refresh_interval/],
    [
      'a certificate that is not there',
      { sslmode: 'verify-full', sslrootcert: '/nowhere/ca.crt' },
      /sslrootcert.*\/nowhere\/ca\.crt/s,
    ],
    ['a URL that is none', { connection_url: 'not a url' }, /connection_url/],
    ['a wrong type', { host: { a: 1 } }, /host/],
    ['an unknown plugin', { plugin_name: 'nope-plugin' }, /plugin not found in the catalog: nope-plugin/],
    ['a password policy that is not there', { password_policy: 'nope' }, /password policy "nope" does not exist/],
  ];
  for (const [name, changes, message] of cases) {
    it(`refuses ${name}`, async () => {
      const { status, text } = await config(changes);
      assert.equal(status, 400, text);
      assert.match(text, message);
      assert.equal(await server.client.read('database/config/bad'), undefined, 'nothing was kept');
    });
  }

  it('says what is wrong with an unreachable host and a wrong password, without the password', async () => {
    const unreachable = await config({ port: 1 });
    assert.match(unreachable.text, /error verifying connection: .*(refused|ECONNREFUSED)/s);
    const wrong = await config({ password: 'sesame-open-42' });
    assert.match(wrong.text, /error verifying connection: .*password authentication failed/s);
    assert.doesNotMatch(wrong.text, /sesame/);
    const unknownHost = await config({ host: 'no-such-host.invalid' });
    assert.match(unknownHost.text, /error verifying connection: .*no-such-host\.invalid/s);
    const noDatabase = await config({ db: 'no_such_db' });
    assert.match(noDatabase.text, /database "no_such_db" does not exist/);
  });

  it('refuses a setting in the URL that neither we nor the server know', async () => {
    const { text } = await config({
      connection_url: `postgres://{{username}}:{{password}}@${database.host}:${database.port}/${database.database}?sslmodus=require`,
    });
    assert.match(text, /unrecognized configuration parameter "sslmodus"/);
  });

  it('wants a host', async () => {
    const { text } = await refused(
      server.client.write('database/config/bad', { plugin_name: 'ysql-plugin', username: 'u' }),
    );
    assert.match(text, /host cannot be empty/);
  });
});

describe('roles and credentials', () => {
  it('refuse unknown fields and wrong values by name', async () => {
    assert.match(
      (await role({ creation_statement: 'x' })).text,
      /unknown field "creation_statement": did you mean "creation_statements"/,
    );
    assert.match((await role({ default_ttl: 'soon' })).text, /"default_ttl".*not a duration/s);
    assert.match((await role({ max_ttl: '-1h' })).text, /"max_ttl".*negative/s);
    assert.match((await role({ credential_type: 'rsa_private_key' })).text, /"credential_type"/);
    assert.match((await role({ db_name: '' })).text, /database name is required/);
  });

  it('say what is missing', async () => {
    assert.deepEqual(await refused(issue(server.client, 'absent')), { status: 400, text: 'unknown role: absent' });
    await server.client.write('database/roles/empty', { db_name: 'yugabytedb' });
    assert.match((await refused(issue(server.client, 'empty'))).text, /empty creation statements/);
    await server.client.write('database/roles/nowhere', { db_name: 'nowhere', creation_statements: SEED_CREATION });
    assert.match((await refused(issue(server.client, 'nowhere'))).text, /connection with name: "nowhere"/);
  });

  it('leave nothing behind when creation fails half-way', async () => {
    const halfWay = [
      `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'; SELECT 1/0;`,
      `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'; GRANT ALL ON DATABASE nowhere TO "{{name}}";`,
      `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'; COMMIT; SELECT nonsense;`,
      `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'; DO $$ BEGIN RAISE EXCEPTION 'no; really'; END $$;`,
    ];
    for (const creation_statements of halfWay) {
      await server.client.write('database/roles/half', { db_name: 'yugabytedb', creation_statements });
      const { status, text } = await refused(issue(server.client, 'half'));
      assert.equal(status, 500);
      assert.match(text, /failed to execute query: ERROR: /);
      assert.deepEqual(await issuedRoles(database), [], creation_statements);
    }
    assert.equal((await server.client.read('sys/leases/count'))?.data?.['lease_count'], 0);
  });

  it('refuse a role that is not allowed', async () => {
    await server.client.write('database/config/narrow', {
      plugin_name: 'ysql-plugin',
      ...fields(),
      allowed_roles: 'app-*',
    });
    await server.client.write('database/roles/other', { db_name: 'narrow', creation_statements: SEED_CREATION });
    const { status, text } = await refused(issue(server.client, 'other'));
    assert.equal(status, 500);
    assert.match(text, /"other" is not an allowed role/);
  });
});

describe('awkward names and passwords', () => {
  const AWKWARD = [
    'two words',
    `it's`,
    'say "hi"',
    'back\\slash',
    'a@b',
    'a/b',
    'a:b',
    '100%',
    '%41',
    'what?',
    '#1',
    '{{password}}',
    '$$;DROP',
    'Grüße-日本-🔑',
    ' leading and trailing ',
  ];
  for (const text of AWKWARD) {
    it(`works with ${JSON.stringify(text)} as user name and password, in both forms`, async () => {
      const name = `u ${text}`;
      await makeAdmin(database, { user: name, password: text });
      try {
        const asFields = { ...fields(), username: name, password: text };
        const asUrl = {
          connection_url: `postgres://{{username}}:{{password}}@${database.host}:${database.port}/${database.database}`,
          username: name,
          password: text,
        };
        const literal = {
          connection_url: `postgres://${encodeURIComponent(name)}:${encodeURIComponent(text)}@${database.host}:${database.port}/${database.database}`,
        };
        for (const form of [asFields, asUrl, literal]) {
          await server.client.write('database/config/awkward', {
            plugin_name: 'ysql-plugin',
            allowed_roles: '*',
            ...form,
          });
          await server.client.write('database/roles/awkward', {
            db_name: 'awkward',
            creation_statements: SEED_CREATION,
          });
          const issued = await issue(server.client, 'awkward');
          assert.deepEqual(await tryLogin(database, issued.username, issued.password), { user: issued.username });
          await server.client.write('sys/leases/revoke', { lease_id: issued.leaseId });
          const shown = JSON.stringify((await server.client.read('database/config/awkward'))?.data);
          assert.ok(!shown.includes(`:${encodeURIComponent(text)}@`), 'the URL is shown without its password');
          await server.client.delete('database/config/awkward');
        }
      } finally {
        await dropAdmin(database, name);
      }
    });
  }
});

describe('the log', () => {
  it('holds no password that was made or configured in this file', async () => {
    const issued = await issue(server.client);
    await server.client.write('sys/leases/revoke', { lease_id: issued.leaseId });
    const log = server.log();
    assert.ok(log.length > 0);
    for (const secret of [issued.password, 'sesame-open-42', 'say "hi"', 'Grüße-日本-🔑']) {
      for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) {
        assert.ok(!log.includes(form), `the log holds ${form}`);
      }
    }
  });
});
