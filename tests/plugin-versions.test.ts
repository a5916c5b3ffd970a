/**
 * Plugins that are registered in versions: which one is listed, shown, run and reloaded, by Vault's rules. The answers and
 * their words are those of OpenBao 2.7.2. On purpose: what is registered without a version is kept without one, also when the
 * plugin reports one (docs/decisions/0014-no-version-over-the-rpc.md).
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import type { Client } from '@coffer/client';
import { FIXTURE_FILE } from '../packages/database-plugin/src/plugin-directory-fixture.ts';
import { refusal, VersionedPlugins } from './plugin-versions-fixture.ts';

describe('plugins in versions', () => {
  const plugins = new VersionedPlugins();
  const { configure, serving } = plugins;
  let client: Client;
  let sha256: string;
  let name: string;
  let catalog: string;
  beforeEach(() => ({ client, sha256, name, catalog } = plugins));

  /** Registers the fixture as a plugin that reports `reported`, which is `version` unless another is given. */
  const register = (version: string, reported = version, changes: JsonObject = {}) =>
    client.write(catalog, {
      sha256,
      command: FIXTURE_FILE,
      env: [`FIXTURE_VERSION=${reported}`],
      ...(version !== '' && { version }),
      ...changes,
    });
  const pinned = async (connection: string) =>
    (await client.read(`database/config/${connection}`))?.data?.['plugin_version'];
  const shown = async (version?: string) =>
    (await client.read(catalog, version === undefined ? {} : { version }))?.data?.['version'];
  const toAdd = (what: string) =>
    `To add one, put its file into the plugin directory and run "plugin register -sha256=SHA256 ${what}".`;
  const notFound = (which: string, there: string) =>
    `error creating database object: plugin not found in the catalog: ${which}. ${there}`;

  describe('are registered', () => {
    it('under the version in one form, however it is written', async () => {
      for (const [given, kept] of [
        ['1.2.3', 'v1.2.3'],
        ['v2', 'v2.0.0'],
        ['3.1-rc.1+build.5', 'v3.1.0-rc.1+build.5'],
      ] as const) {
        await register(given, kept);
        assert.equal(await shown(given), kept);
        assert.equal(await shown(kept), kept);
      }
      assert.equal(await shown(), undefined, 'none is registered without a version');
      assert.equal(await shown('v9.9.9'), undefined);
    });

    it('only as the version that they are', async () => {
      for (const [asked, reported] of [
        ['v9.9.9', 'v1.2.3'],
        ['v1.2.3-rc1', 'v1.2.3'],
        ['v1.2', 'v1.2.3'],
      ] as const) {
        const canonical = asked === 'v1.2' ? 'v1.2.0' : asked;
        assert.equal(
          await refusal(register(asked, reported)),
          `plugin version mismatch: ${name} reported version (${reported}) did not match requested version (${canonical})`,
        );
        assert.equal(await shown(asked), undefined);
      }
    });

    it('as any version when they report none', async () => {
      await register('v7.0.0', '');
      await configure('any');
      assert.equal(await pinned('any'), 'v7.0.0');
    });

    it('with a warning when they cannot be asked', async () => {
      const other = { sha256: '0'.repeat(64) };
      const answer = await register('v2.0.0', 'v1.0.0', other);
      assert.deepEqual(answer?.warnings, [
        'Failed to check whether the plugin is version v2.0.0: checksums did not match',
      ]);
      assert.match(await refusal(configure('unasked')), /checksums did not match/);
    });

    it('with a warning where nothing runs them, and not without a type', async () => {
      for (const type of ['secret', 'auth']) {
        const answer = await client.write(`sys/plugins/catalog/${type}/other`, { sha256, command: FIXTURE_FILE });
        const kept = `Kept, but nothing here runs plugins of the type ${type}: it cannot be enabled.`;
        assert.deepEqual(answer?.warnings, [kept]);
      }
      for (const type of [undefined, 0, '', 'unknown'])
        assert.equal(
          await refusal(
            client.write('sys/plugins/catalog/other', {
              sha256,
              command: FIXTURE_FILE,
              ...(type !== undefined && { type }),
            }),
          ),
          'missing type: one of auth, database, secret',
        );
    });

    it('by a semantic version that is no built-in’s', async () => {
      const malformed = (version: string) =>
        `version ${JSON.stringify(version)} is not a valid semantic version: malformed version: ${version}`;
      for (const wrong of ['nope', 'v1.x', '1.2.3 ', 'v', '1..2']) {
        assert.equal(await refusal(register(wrong)), malformed(wrong));
        assert.equal(await refusal(client.read(catalog, { version: wrong })), malformed(wrong));
        assert.equal(await refusal(client.delete(catalog, { version: wrong })), malformed(wrong));
        assert.equal(await refusal(configure('x', { plugin_version: wrong })), malformed(wrong));
      }
      assert.equal(
        await refusal(register('1.0+builtin')),
        `version "v1.0.0+builtin" is not allowed because 'builtin' is a reserved metadata identifier`,
      );
      assert.equal(
        await refusal(client.delete(catalog, { version: '1.0+builtin' })),
        'version "v1.0.0+builtin" cannot be deleted',
      );
    });
  });

  describe('are listed', () => {
    const listed = async (wanted: string): Promise<readonly string[]> => {
      const { detailed } = (await client.read('sys/plugins/catalog'))?.data ?? {};
      return (detailed as readonly JsonObject[])
        .filter((entry) => entry['name'] === wanted)
        .map((entry) => {
          assert.equal(entry['sha256'], entry['builtin'] === true ? undefined : sha256);
          return entry['version'] as string;
        });
    };

    it('each, from the oldest to the newest, and once by name', async () => {
      for (const version of ['v1.10.0', 'v1.9.0', '', 'v1.9.0-rc1', 'v2.0.0']) await register(version);
      assert.deepEqual(await listed(name), ['', 'v1.9.0-rc1', 'v1.9.0', 'v1.10.0', 'v2.0.0']);
      const keys = (await client.list('sys/plugins/catalog/database'))?.data?.['keys'] as readonly string[];
      assert.equal(keys.filter((key) => key === name).length, 1);
    });

    it('beside the built-in of their name, which only one without a version hides', async () => {
      const shadowed = 'sys/plugins/catalog/database/ysql-plugin';
      const add = (body: JsonObject) => client.write(shadowed, { sha256, command: FIXTURE_FILE, ...body });
      const isBuiltin = async (query = {}) => (await client.read(shadowed, query))?.data?.['builtin'];
      const [builtin = ''] = await listed('ysql-plugin');
      assert.match(builtin, /\+builtin\./);
      await add({ version: 'v1.2.3' });
      assert.deepEqual(await listed('ysql-plugin'), ['v1.2.3', builtin]);
      assert.deepEqual([await isBuiltin(), await isBuiltin({ version: builtin })], [true, true]);
      assert.equal(await isBuiltin({ version: '1.2.3' }), false);
      await add({});
      assert.deepEqual(await listed('ysql-plugin'), ['', 'v1.2.3']);
      assert.deepEqual([await isBuiltin(), await isBuiltin({ version: builtin })], [false, undefined]);
      assert.equal(
        await refusal(configure('hidden', { plugin_name: 'ysql-plugin', plugin_version: builtin })),
        `database plugin "ysql-plugin", version ${builtin} not found, as it is overridden by an unversioned ` +
          'plugin of the same name. Omit `plugin_version` to use the unversioned plugin',
      );
      for (const version of ['', 'v1.2.3']) await client.delete(shadowed, { version });
    });
  });

  describe('are run', () => {
    it('as the newest by a new configuration, which stays with it', async () => {
      for (const version of ['v1.10.0', 'v1.9.0', 'v1.10.0-rc1']) await register(version);
      await configure('first');
      assert.deepEqual([await pinned('first'), await serving('first')], ['v1.10.0', 'v1.10.0']);
      await register('v2.0.0');
      await configure('second');
      await configure('first', { host: 'elsewhere' });
      assert.deepEqual([await pinned('first'), await serving('first')], ['v1.10.0', 'v1.10.0']);
      assert.deepEqual([await pinned('second'), await serving('second')], ['v2.0.0', 'v2.0.0']);
      await configure('first', { plugin_version: '2.0' });
      assert.deepEqual([await pinned('first'), await serving('first')], ['v2.0.0', 'v2.0.0']);
    });

    it('in the version that is asked for, or not at all', async () => {
      await register('v1.0.0');
      await register('v2.0.0');
      await configure('asked', { plugin_version: '1' });
      assert.deepEqual([await pinned('asked'), await serving('asked')], ['v1.0.0', 'v1.0.0']);
      assert.equal(
        await refusal(configure('asked', { plugin_version: 'v3.0.0' })),
        notFound(
          `${name}, version=v3.0.0`,
          `Registered versions of it: v1.0.0, v2.0.0. ${toAdd(`-version=v3.0.0 database ${name}`)}`,
        ),
      );
      assert.equal(await pinned('asked'), 'v1.0.0');
      const there =
        /^error creating database object: plugin not found in the catalog: absent\. Database plugins here: ysql-plugin, /;
      const refused = await refusal(configure('none', { plugin_name: 'absent' }));
      assert.match(refused, there);
      assert.ok(refused.endsWith(` ${toAdd('database absent')}`), refused);
      assert.equal(
        await refusal(configure('none', { plugin_name: 'ysql-plugn' })),
        notFound('ysql-plugn', 'Did you mean "ysql-plugin"?'),
      );
    });

    it('without a version before any other', async () => {
      await register('v2.0.0');
      await register('', 'v1.0.0');
      await configure('plain');
      assert.deepEqual([await pinned('plain'), await serving('plain')], ['', 'v1.0.0']);
      await client.delete(catalog);
      await client.write('sys/plugins/reload/backend', { plugin: name });
      assert.equal(await serving('plain'), 'v2.0.0', 'nothing else of the name is left');
      await register('v2.1.0');
      await client.write(`sys/plugins/reload/database/${name}`, {});
      assert.deepEqual([await pinned('plain'), await serving('plain')], ['', 'v2.1.0']);
    });

    it('no more when their version is deregistered, and no other is', async () => {
      for (const version of ['v1.0.0', 'v2.0.0', '']) await register(version);
      await configure('one', { plugin_version: 'v1.0.0' });
      await client.delete(catalog, { version: '1.0.0' });
      assert.deepEqual([await shown('v1.0.0'), await shown('v2.0.0'), await shown()], [undefined, 'v2.0.0', '']);
      await client.delete(catalog);
      assert.deepEqual([await shown('v2.0.0'), await shown()], ['v2.0.0', undefined]);
      await client.delete(catalog, { version: 'v5.0.0' });
      assert.equal(await shown('v2.0.0'), 'v2.0.0');
      await client.write('sys/plugins/reload/backend', { mounts: ['database'] });
      await client.write('database/roles/one', { db_name: 'one', creation_statements: ['WHO'] });
      await assert.rejects(
        client.read('database/creds/one'),
        /plugin not found in the catalog: mine-\d+, version=v1\.0\.0/,
      );
    });

    it('as the version that they are registered as, whenever they start', async () => {
      const [ready, late] = [join(plugins.directory, 'ready'), join(plugins.directory, 'late.mjs')];
      const script = `#!${process.execPath}
        import { existsSync } from 'node:fs';
        if (!existsSync(${JSON.stringify(ready)})) process.exit(1);
        await import(${JSON.stringify(join(plugins.directory, FIXTURE_FILE))});`;
      await writeFile(late, script, { mode: 0o755 });
      const own = { sha256: createHash('sha256').update(script).digest('hex'), command: 'late.mjs' };
      const answer = await register('v2.0.0', 'v1.0.0', own);
      assert.match(
        answer?.warnings?.[0] ?? '',
        /Failed to check whether the plugin is version v2\.0\.0: plugin "late\.mjs"/,
      );
      await writeFile(ready, '');
      const mismatch = `plugin version mismatch: ${name} reported version (v1.0.0) did not match requested version (v2.0.0)`;
      assert.equal(await refusal(configure('late')), `error creating database object: ${mismatch}`);
      assert.equal(await refusal(register('v2.0.0', 'v1.0.0', own)), mismatch);
    });
  });

  describe('are reloaded', () => {
    const reload = (body: JsonObject) => client.write('sys/plugins/reload/backend', body);

    /** What runs on the plugin of the old registration, and on that of the new one after a reload. */
    const exchanged = async (act: () => Promise<unknown>): Promise<readonly string[]> => {
      await register('', 'v1.0.0');
      await client.delete('database/config/c');
      await configure('c');
      const first = await serving('c');
      await register('', 'v2.0.0');
      const second = await serving('c');
      await act();
      return [first, second, await serving('c')];
    };
    const RELOADED = ['v1.0.0', 'v1.0.0', 'v2.0.0'];

    for (const [how, body] of [
      ['of a mount', { mounts: ['database/'] }],
      ['of a mount without its slash, as the command line sends it', { plugin: '', mounts: ['database'], scope: '' }],
      ['on every node', { mounts: 'database', scope: 'global' }],
    ] as const) {
      it(how, async () => assert.deepEqual(await exchanged(() => reload(body as JsonObject)), RELOADED));
    }
    it('by their name, by their type and name, by their engine, and by their connection', async () => {
      assert.deepEqual(await exchanged(() => reload({ plugin: name, mounts: null })), RELOADED);
      assert.deepEqual(await exchanged(() => client.write(`sys/plugins/reload/database/${name}`, {})), RELOADED);
      assert.deepEqual(await exchanged(() => client.write('sys/plugins/reload/secret/database', {})), RELOADED);
      assert.deepEqual(await exchanged(() => client.write('database/reset/c', {})), RELOADED);
    });

    it('of known mounts, with an error that names the others', async () => {
      assert.equal(
        await refusal(reload({ mounts: 'nosuch' })),
        '1 error occurred:\n\t* cannot fetch mount entry on "nosuch/"\n\n',
      );
      assert.equal(
        await refusal(reload({ mounts: ['sys', 'auth/token/', 'database/inside', 'sys/auth/absent'] })),
        '4 errors occurred:\n\t* cannot reload plugin on "sys/": singleton plugin cannot be reloaded: "system"\n' +
          '\t* cannot reload plugin on "auth/token/": singleton plugin cannot be reloaded: "token"\n' +
          '\t* cannot fetch mount entry on "database/inside/"\n\t* cannot fetch mount entry on "auth/absent/"\n\n',
      );
      const act = () => refusal(reload({ mounts: 'nosuch,database' }));
      assert.deepEqual(await exchanged(act), RELOADED, 'the known one is reloaded all the same');
    });

    it('by one of plugin and mounts', async () => {
      assert.equal(await refusal(reload({})), 'plugin or mounts must be provided');
      assert.equal(await refusal(reload({ plugin: '', mounts: [] })), 'plugin or mounts must be provided');
      assert.equal(
        await refusal(reload({ plugin: name, mounts: ['database'] })),
        'plugin and mounts cannot be set at the same time',
      );
      assert.equal(
        await refusal(reload({ mounts: 'database', scope: 'near' })),
        "reload scope must be omitted or 'global'",
      );
    });

    it('with a warning when nothing runs on them, and an error when nobody knows them', async () => {
      const answer = await reload({ plugin: 'ysql-plugin' });
      assert.deepEqual(answer?.warnings, ['no plugins were reloaded']);
      assert.equal(
        await refusal(reload({ plugin: 'absent' })),
        'plugin not found in the catalog: "absent"; "plugin list" shows those that are there',
      );
      assert.equal(
        await refusal(client.write('sys/plugins/reload/secret/ysql-plugin', {})),
        'plugin not found in the catalog: "ysql-plugin"; "plugin list" shows those that are there',
      );
    });
  });
});
