/**
 * A database plugin made with HashiCorp's SDK (`plugin/`) under our server: what a client of the server sees, and what
 * the plugin was asked to do. Go is needed to build it.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { ApiError, type Client } from '@coffer/client';
import { eventually } from '@coffer/testkit';
import { issue, startTestServer, type TestServer } from '../dev-server.ts';
import { buildGoPrograms, type GoPrograms } from './go-programs.ts';
import { endOfProcess, isRunning } from './process-end.ts';
import { newSecret, secretsIn } from './secrets.ts';

/** See `plugin/main.go`. */
const ADMIN_PASSWORD = 'go-admin-pass';

interface FileUser {
  readonly password: string;
  readonly expiration: string;
  readonly statements: readonly string[] | null;
  readonly pid: number;
}

function underOurServer(programs: GoPrograms): void {
  const directory = join(programs.directory, 'plugins');
  let server: TestServer;
  let client: Client;
  let sha256: string;

  before(async () => {
    await mkdir(directory);
    await copyFile(programs.plugin, join(directory, 'file-plugin'));
    sha256 = createHash('sha256')
      .update(await readFile(programs.plugin))
      .digest('hex');
    server = await startTestServer({ pluginDirectory: directory });
    client = server.client;
    await client.request('POST', 'sys/mounts/database', { body: { type: 'database' } });
    const register = (name: string, args: string[]) =>
      client.write(`sys/plugins/catalog/database/${name}`, { sha256, command: 'file-plugin', args });
    await register('many', []);
    await register('single', ['-single']);
  });
  after(async () => {
    await server.close();
    // The server knows the passwords that it issued; these are the others.
    assert.deepEqual(secretsIn(server.log().split('\n')), []);
  });

  const usersFile = (name: string) => join(programs.directory, `${name}.json`);
  const users = async (name: string) =>
    JSON.parse(await readFile(usersFile(name), 'utf8').catch(() => '{}')) as Record<string, FileUser>;
  const configure = (name: string, plugin: string, changes: JsonObject = {}) =>
    client.write(`database/config/${name}`, {
      plugin_name: plugin,
      allowed_roles: '*',
      users_file: usersFile(name),
      password: ADMIN_PASSWORD,
      ...changes,
    });
  const addRole = (name: string, connection: string, changes: JsonObject = {}) =>
    client.write(`database/roles/${name}`, {
      db_name: connection,
      creation_statements: ['make it', 'so'],
      renew_statements: ['keep it'],
      default_ttl: '1h',
      max_ttl: '24h',
      ...changes,
    });
  const refusal = async (call: Promise<unknown>): Promise<string> => {
    const outcome = await call.catch((error: unknown) => error);
    assert.ok(outcome instanceof ApiError, 'the request fails');
    return outcome.errors.join('\n');
  };
  const secondsFromNow = (time: string) => (Date.parse(time) - Date.now()) / 1000;

  it('is registered from the plugin directory, and by its sha256', async () => {
    const found = await client.read('sys/plugins/catalog/database/file-plugin');
    assert.deepEqual([found?.data?.['builtin'], found?.data?.['sha256']], [false, sha256]);
    const single = await client.read('sys/plugins/catalog/database/single');
    assert.deepEqual([single?.data?.['args'], single?.data?.['sha256']], [['-single'], sha256]);
  });

  it('is not started when its sha256 is another', async () => {
    const changed = { sha256: '0'.repeat(64), command: 'file-plugin' };
    await client.write('sys/plugins/catalog/database/changed', changed);
    assert.match(await refusal(configure('changed', 'changed')), /checksums did not match/);
  });

  for (const plugin of ['many', 'single']) {
    describe(`${plugin === 'many' ? 'multiplexed' : 'one database a process'}`, () => {
      before(async () => {
        await configure(plugin, plugin);
        await addRole(`${plugin}-role`, plugin);
      });
      beforeEach(async () => {
        await rm(usersFile(plugin), { force: true });
      });

      it('issues, renews and revokes users that the plugin names itself', async () => {
        const issued = await issue(client, `${plugin}-role`);
        assert.match(issued.username, new RegExp(`^go-token-${plugin}-role-\\d+-\\d+$`));
        const made = (await users(plugin))[issued.username];
        assert.deepEqual([made?.password, made?.statements], [issued.password, ['make it', 'so']]);
        const lifetime = secondsFromNow(made?.expiration ?? '');
        assert.ok(lifetime > 3590 && lifetime < 3606, `the lease's hour: ${lifetime} s`);

        const renewed = await client.write('sys/leases/renew', { lease_id: issued.leaseId, increment: 7200 });
        assert.equal(renewed?.leaseDuration, 7200);
        const extended = (await users(plugin))[issued.username];
        assert.deepEqual([extended?.password, extended?.statements], [issued.password, ['keep it']]);
        const longer = secondsFromNow(extended?.expiration ?? '');
        assert.ok(longer > 7190 && longer < 7206, `the renewed lease's two hours: ${longer} s`);

        await client.write('sys/leases/revoke', { lease_id: issued.leaseId });
        assert.deepEqual(await users(plugin), {});
        assert.match(await refusal(client.write('sys/leases/lookup', { lease_id: issued.leaseId })), /invalid lease/);
      });

      it('says what it refuses, without the passwords that it puts into its errors', async () => {
        const wrong = newSecret();
        assert.equal(
          await refusal(configure(plugin, plugin, { password: wrong })),
          'error creating database object: unable to initialize: rpc error: code = Internal desc = ' +
            'failed to initialize: error verifying connection: no login with [password]',
        );
        assert.equal(
          await refusal(configure(plugin, plugin, { users_file: 7 })),
          'error creating database object: unable to initialize: rpc error: code = Internal desc = ' +
            'failed to initialize: users_file must be a string',
        );
        await addRole(`${plugin}-refused`, plugin, { creation_statements: ['REFUSE'] });
        assert.equal(
          await refusal(client.read(`database/creds/${plugin}-refused`)),
          '1 error occurred:\n\t* unable to create new user: rpc error: code = Internal desc = ' +
            'unable to create new user: no user with password [password]\n\n',
        );
        assert.equal((await client.read('sys/leases/count'))?.data?.['lease_count'], 0);
        const after = await issue(client, `${plugin}-role`);
        await client.write('sys/leases/revoke', { lease_id: after.leaseId });
      });

      it('keeps the lease of a user that the plugin does not delete', async () => {
        await addRole(`${plugin}-stays`, plugin, { revocation_statements: ['REFUSE'] });
        const { leaseId, username } = await issue(client, `${plugin}-stays`);
        const why = 'unable to delete user: rpc error: code = Internal desc = unable to delete user: this user stays';
        assert.ok((await refusal(client.write('sys/leases/revoke', { lease_id: leaseId }))).includes(why));
        const owed = await client.write('sys/leases/lookup', { lease_id: leaseId });
        assert.ok(JSON.stringify(owed?.data).includes(why));
        assert.deepEqual(Object.keys(await users(plugin)), [username]);
        await client.write(`sys/leases/revoke-force/database/creds/${plugin}-stays`, {});
      });

      it('shares a process only where it can', async () => {
        await configure(`${plugin}-2`, plugin);
        await addRole(`${plugin}-2`, `${plugin}-2`);
        const [one, two] = [await issue(client, `${plugin}-role`), await issue(client, `${plugin}-2`)];
        const first = (await users(plugin))[one.username]?.pid ?? 0;
        const second = (await users(`${plugin}-2`))[two.username]?.pid ?? 0;
        assert.equal(first === second, plugin === 'many');
        await client.delete(`database/config/${plugin}-2`);
        assert.ok(isRunning(first), 'the other configuration goes on');
        if (plugin === 'single') await endOfProcess(second, 5_000);
        await client.write('sys/leases/revoke', { lease_id: one.leaseId });
        await client.write(`sys/leases/revoke-force/database/creds/${plugin}-2`, {});
      });

      it('is started again by the next call after a crash', async () => {
        const { username } = await issue(client, `${plugin}-role`);
        const pid = (await users(plugin))[username]?.pid ?? 0;
        process.kill(pid, 'SIGKILL');
        await eventually(
          () => server.log().includes(`plugin process exited: plugin=file-plugin pid=${pid}`),
          'its end',
        );
        const next = await issue(client, `${plugin}-role`);
        const again = (await users(plugin))[next.username]?.pid ?? 0;
        assert.notEqual(again, pid);
        await client.write(`sys/leases/revoke-prefix/database/creds/${plugin}-role`, {});
        assert.deepEqual(await users(plugin), {});
      });

      for (const [how, crash, first, exit] of [
        ['panics', 'PANIC', 'panic: no user with password [password]', 'exit code 2'],
        ['fails in its runtime', 'FATAL', 'fatal error: stack overflow', 'exit code 2'],
      ] as const) {
        it(`is seen to end when it ${how}: the whole report is an error, without a password`, async () => {
          await addRole(`${plugin}-crash`, plugin, { creation_statements: [crash] });
          const before = server.log().length;
          assert.equal(
            await refusal(client.read(`database/creds/${plugin}-crash`)),
            `1 error occurred:\n\t* plugin shutdown: the plugin process ended during the call (${exit})\n\n`,
          );
          const lines = () => server.log().slice(before).split('\n');
          await eventually(() => lines().some((line) => line.includes('plugin process exited')), 'its end');
          const at = (text: string) => lines().findIndex((line) => line.includes(text));
          await eventually(() => at('goroutine ') !== -1, 'its goroutines');
          assert.ok(lines()[at('plugin process exited')]?.includes('[ERROR]'));
          const report = lines().filter((line) => / plugin\.file-plugin: (?!plugin process|plugin output)/.test(line));
          const begin = report.findIndex((line) => line.includes(first));
          assert.ok(begin >= 0, report.join('\n'));
          assert.deepEqual(
            report.slice(begin).filter((line) => !line.includes('[ERROR]')),
            [],
          );
          const again = await issue(client, `${plugin}-role`);
          await client.write('sys/leases/revoke', { lease_id: again.leaseId });
        });
      }

      it('is heard: its log lines at their levels, and what it prints', async () => {
        await configure(plugin, plugin);
        const log = server.log();
        assert.match(log, /\[WARN\] [^\n]*a warning of the Go plugin[^\n]*file=/);
        assert.match(log, /\[INFO\] [^\n]*a notice of the Go plugin/);
        assert.match(log, /\[DEBUG\] [^\n]*printed by the Go plugin/);
      });
    });
  }

  it('is refused when it is no plugin', async () => {
    const script = '#!/bin/sh\necho hello\n';
    await writeFile(join(directory, 'no-plugin'), script, { mode: 0o755 });
    const hash = createHash('sha256').update(script).digest('hex');
    await client.write('sys/plugins/catalog/database/no-plugin', { sha256: hash, command: 'no-plugin' });
    assert.match(await refusal(configure('no-plugin', 'no-plugin')), /Unrecognized remote plugin message: hello/);
  });

  it('ends with the server', async () => {
    const other = await startTestServer({ pluginDirectory: directory });
    await other.client.request('POST', 'sys/mounts/database', { body: { type: 'database' } });
    const config = {
      plugin_name: 'file-plugin',
      allowed_roles: '*',
      users_file: usersFile('end'),
      password: ADMIN_PASSWORD,
    };
    await other.client.write('database/config/end', config);
    await other.client.write('database/roles/end', { db_name: 'end', creation_statements: ['make it'] });
    const { username } = await issue(other.client, 'end');
    const pid = (await users('end'))[username]?.pid ?? 0;
    assert.ok(isRunning(pid));
    await other.close();
    assert.ok(!isRunning(pid));
    assert.deepEqual(await users('end'), {}, 'a development server leaves no user behind');
  });
}

const programs = buildGoPrograms();
if ('missing' in programs) {
  it(programs.missing, { skip: true });
} else {
  describe("a plugin of HashiCorp's SDK under our server", () => underOurServer(programs));
}
