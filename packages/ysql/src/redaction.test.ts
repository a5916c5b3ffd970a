/** Whatever the database repeats of a secret, nobody sees it: neither in an error nor in the log at its finest level. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { createLogger, formatLogLine, type JsonObject, Secret } from '@coffer/base';
import { openDatabase } from '@coffer/database-plugin';
import {
  createCertificateAuthority,
  startPostgres,
  startWireProxy,
  type TestPostgres,
  type WireProxy,
} from '@coffer/testkit';
import { newUser } from './ysql-fixture.ts';
import { TELLING_STATEMENTS } from './telling-statements-fixture.ts';
import { YSQL } from './ysql-database.ts';

const PASSWORDS: Readonly<Record<string, string>> = {
  plain: 'Hush7hush7Hush7hush7',
  'with a dash': 'Hush7-hush7-Hush7-hush7',
  'with quotes and backslashes': `Hush7'hush7"Hush7\\hush7%{{x}}é`,
  'longer than a name': `Hush7${'x'.repeat(80)}hush7`,
  'an ordinary word': 'hushes',
};
/** A stored verifier lets whoever has it try passwords at leisure. */
const VERIFIER = /SCRAM-SHA-256\$|\$4096:|4096:[A-Za-z0-9+/]{8}/;

let server: TestPostgres;
let proxy: WireProxy;
before(async () => {
  server = await startPostgres();
  // In which a half made user is left, so that the rollback statements run.
  proxy = await startWireProxy({ target: server, mode: 'yugabytedb' });
});
after(async () => {
  await proxy.stop();
  await server.stop();
});

function open() {
  const seen: string[] = [];
  const database = openDatabase(
    YSQL,
    createLogger('ysql', 'trace', (entry) => seen.push(formatLogLine(entry))),
  );
  /** Resolves with the error, which is kept with all that can be printed of it but its cause, which the edge deals with. */
  const refused = async (work: Promise<unknown>): Promise<void> => {
    const error: unknown = await work.then(
      () => assert.fail('it was not refused'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof Error);
    seen.push(error.message, inspect(error, { depth: 8 }));
  };
  return { database, seen, refused };
}

const config = (more: JsonObject = {}): JsonObject => ({
  host: proxy.host,
  port: proxy.port,
  username: server.user,
  password: server.password,
  db: server.database,
  ...more,
});

function assertUnseen(seen: readonly string[], secrets: readonly string[]): void {
  assert.ok(seen.length > 0, 'there is something to look through');
  // The parts between what has to be escaped somewhere, so that no way of writing it is missed.
  const parts = secrets
    .flatMap((secret) => [secret.slice(0, 12), ...secret.split(/[^0-9A-Za-z]+/)])
    .filter((part) => part.length > 3);
  for (const text of seen) {
    for (const part of parts) assert.ok(!text.includes(part), `${part} shows in: ${text}`);
    assert.doesNotMatch(text, VERIFIER);
  }
}

for (const password_authentication of ['password', 'scram-sha-256']) {
  describe(`a new password, password_authentication=${password_authentication}`, () => {
    for (const [kind, password] of Object.entries(PASSWORDS)) {
      it(`${kind}: is in no error and in no log line`, async () => {
        const { database, seen, refused } = open();
        await database.initialize({ config: config({ password_authentication }), verifyConnection: true });
        const newPassword = new Secret(password);
        for (const sql of Object.values(TELLING_STATEMENTS)) {
          const statements = [`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`, sql];
          await refused(database.newUser(newUser(statements, { password: newPassword })));
          await refused(database.updateUser({ username: server.user, password: { newPassword, statements: [sql] } }));
          await refused(
            database.updateUser({ username: 'x', password: { newPassword, statements: ['SELECT 1', sql] } }),
          );
        }
        proxy.addFault({
          match: /^DROP ROLE/m,
          times: 20,
          action: { type: 'error', sqlstate: '42501', message: 'no' },
        });
        const told = TELLING_STATEMENTS['a message'] ?? '';
        const half = newUser([`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`, told], {
          password: newPassword,
          rollbackStatements: [told],
        });
        await refused(database.newUser(half));
        proxy.clearFaults();
        await database.close();
        assert.ok(seen.some((text) => /rollback statements failed/.test(text)));
        assertUnseen(seen, [password]);
      });
    }
  });
}

describe("a configuration's secrets", () => {
  it('are in no error and in no log line', async () => {
    const [password, sslpassword] = ['Hush7-adm1n-Hush7', 'Hush8-key-Hush8'];
    const authority = await createCertificateAuthority();
    const locked = await authority.issue({ commonName: 'x', client: true, passphrase: 'open sesame' });
    const other = await authority.issue({ commonName: 'y', client: true });
    const garbage = `Hush9${'garbage'.repeat(20)}`;
    const url = (more: string): JsonObject => ({
      connection_url: `postgres://${server.user}:${password}@${proxy.host}:${proxy.port}/${more}`,
    });
    const configurations: readonly JsonObject[] = [
      config({ password }),
      // Put into the wrong field, which errors do repeat.
      config({ password, sslpassword, db: password }),
      config({ password, sslpassword, host: sslpassword, username: password }),
      config({ password, tls_certificate: locked.certificatePem, private_key: locked.privateKeyPem, sslpassword }),
      config({ password, tls_certificate: locked.certificatePem, private_key: other.privateKeyPem, sslpassword }),
      config({ password, tls_certificate: other.certificatePem, private_key: garbage, sslpassword }),
      config({ password, tls_certificate: garbage, private_key: other.privateKeyPem }),
      config({ password, sslpassword: { a: 1 } }),
      config({ password, colour: 'blue', port: 'x' }),
      url(server.database),
      url(`${server.database}?sslpassword=${sslpassword}&sslmode=on`),
      url(`?sslpassword=${sslpassword}%`),
      {
        connection_url: `host=${proxy.host} port=${proxy.port} user=u password='${password}' sslpassword=${sslpassword}`,
      },
      { connection_url: `mysql://u:${password}@h` },
    ];
    const { database, seen, refused } = open();
    for (const given of configurations) await refused(database.initialize({ config: given, verifyConnection: true }));
    // What the server says while the connection is in use.
    await database.initialize({ config: config(), verifyConnection: true });
    await database.initialize({ config: config({ password, sslpassword }), verifyConnection: false });
    await refused(database.newUser(newUser('CREATE ROLE "{{name}}"')));
    await database.close();
    const keyLines = [locked, other].flatMap(({ privateKeyPem }) => privateKeyPem.split('\n').slice(1, -2));
    assertUnseen(seen, [password, sslpassword, garbage, ...keyLines]);
  });
});
