/** The six SSL modes against four servers, in both forms of configuration. Makes the table in docs/database/ssl-modes.md. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { ApiError } from '@coffer/client';
import { createCertificateAuthority, startPostgres, type TestPostgres } from '@coffer/testkit';
import { startTestServer, type TestServer } from './dev-server.ts';
import { checkGenerated } from './generated-docs.ts';

const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
const SERVERS = ['TLS only', 'plain only', 'TLS, other CA', 'TLS, other host name'] as const;
type ServerName = (typeof SERVERS)[number];

describe('SSL modes', () => {
  let directory: string;
  let rootCert: string;
  const databases = new Map<ServerName, TestPostgres>();
  let server: TestServer;
  const outcomes = new Map<string, string>();

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-ssl-'));
    rootCert = join(directory, 'ca.crt');
    const authority = await createCertificateAuthority('YugabyteDB test CA');
    const stranger = await createCertificateAuthority('Another CA');
    await writeFile(rootCert, authority.certificatePem);
    const here = { commonName: 'yugabytedb', dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
    const elsewhere = { commonName: 'yugabytedb', dnsNames: ['db.example'], ipAddresses: ['192.0.2.1'] };
    const tls = async (issuer: typeof authority, names: typeof here) => {
      const issued = await issuer.issue(names);
      return { cert: issued.certificatePem, key: issued.privateKeyPem, only: true };
    };
    databases.set('TLS only', await startPostgres({ tls: await tls(authority, here) }));
    databases.set('plain only', await startPostgres());
    databases.set('TLS, other CA', await startPostgres({ tls: await tls(stranger, here) }));
    databases.set('TLS, other host name', await startPostgres({ tls: await tls(authority, elsewhere) }));
    server = await startTestServer();
    await server.client.request('POST', 'sys/mounts/database', { body: { type: 'database' } });
  });
  after(async () => {
    await server.close();
    await Promise.all([...databases.values()].map((database) => database.stop()));
    await rm(directory, { recursive: true });
  });

  const asFields = (database: TestPostgres, settings: JsonObject): JsonObject => ({
    host: database.host,
    port: database.port,
    db: database.database,
    username: database.user,
    password: database.password,
    ...settings,
  });
  const asUrl = (database: TestPostgres, settings: Readonly<Record<string, string>>): JsonObject => {
    const query = Object.entries(settings).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    const base = `postgres://{{username}}:{{password}}@${database.host}:${database.port}/${database.database}`;
    return { connection_url: `${base}?${query.join('&')}`, username: database.user, password: database.password };
  };

  /** What came of it, as the table says it. */
  async function outcome(database: TestPostgres, config: JsonObject): Promise<string> {
    try {
      await server.client.write('database/config/ssl', { plugin_name: 'ysql-plugin', ...config });
    } catch (error) {
      assert.ok(error instanceof ApiError, String(error));
      const [, reason = ''] = /error verifying connection: ([\s\S]*)/.exec(error.errors[0] ?? '') ?? [];
      assert.notEqual(reason, '', error.message);
      return `refused: ${reason.replaceAll(String(database.port), 'PORT').replaceAll(rootCert, 'FILE')}`;
    }
    const rows = await database.query(
      "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name LIKE 'ysql-plugin%'",
    );
    await server.client.delete('database/config/ssl');
    const encrypted = new Set(rows.map((row) => row['ssl']));
    assert.equal(encrypted.size, 1, 'one kind of connection');
    return encrypted.has(true) ? 'connects, encrypted' : 'connects, plain';
  }

  for (const mode of MODES) {
    for (const withRoot of [false, true]) {
      const key = `${mode}${withRoot ? ' with sslrootcert' : ''}`;
      it(key, async () => {
        for (const name of SERVERS) {
          const database = databases.get(name);
          assert.ok(database);
          const settings = { sslmode: mode, ...(withRoot && { sslrootcert: rootCert }) };
          const byFields = await outcome(database, asFields(database, settings));
          const byUrl = await outcome(database, asUrl(database, settings));
          assert.equal(byUrl, byFields, `${name}: both forms give the same`);
          outcomes.set(`${key}|${name}`, byFields);
        }
      });
    }
  }

  it('do what their names promise', () => {
    const expect = (key: string, name: ServerName, pattern: RegExp): void =>
      assert.match(outcomes.get(`${key}|${name}`) ?? '', pattern, `${key}, ${name}`);
    const root = ' with sslrootcert';
    expect('disable', 'TLS only', /refused.*requires SSL\/TLS/s);
    expect('disable', 'plain only', /^connects, plain$/);
    expect('allow', 'TLS only', /^connects, encrypted$/);
    expect('allow', 'plain only', /^connects, plain$/);
    expect('prefer', 'TLS only', /^connects, encrypted$/);
    expect('prefer', 'plain only', /^connects, plain$/);
    expect('require', 'TLS only', /^connects, encrypted$/);
    expect('require', 'plain only', /^refused/);
    expect('require', 'TLS, other CA', /^connects, encrypted$/);
    expect(`require${root}`, 'TLS, other CA', /^refused/);
    expect(`require${root}`, 'TLS, other host name', /^connects, encrypted$/);
    for (const mode of ['verify-ca', 'verify-full']) {
      expect(mode, 'TLS only', /^refused/);
      expect(`${mode}${root}`, 'TLS only', /^connects, encrypted$/);
      expect(`${mode}${root}`, 'TLS, other CA', /^refused/);
      expect(`${mode}${root}`, 'plain only', /^refused/);
    }
    expect(`verify-ca${root}`, 'TLS, other host name', /^connects, encrypted$/);
    expect(`verify-full${root}`, 'TLS, other host name', /^refused/);
  });

  it('are in the documentation as they are here', async () => {
    const short = (text: string): string => (text.startsWith('refused') ? 'refused' : text);
    const keys = MODES.flatMap((mode) => [mode, `${mode} with sslrootcert`]);
    const rows = keys.map(
      (key) => `| ${[key, ...SERVERS.map((name) => short(outcomes.get(`${key}|${name}`) ?? ''))].join(' | ')} |`,
    );
    const messages = [...new Set([...outcomes.values()].filter((text) => text.startsWith('refused')))].sort();
    await checkGenerated(
      'database/ssl-modes.md',
      'outcomes',
      [
        `| sslmode | ${SERVERS.join(' | ')} |`,
        `| --- |${' --- |'.repeat(SERVERS.length)}`,
        ...rows,
        '',
        'What a refusal says, behind `error verifying connection: `:',
        '',
        ...messages.map((text) => `- \`${text.replace(/^refused: /, '').replaceAll('\n', ' ')}\``),
      ].join('\n'),
    );
  });
});
