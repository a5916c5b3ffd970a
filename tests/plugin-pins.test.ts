/** Plugins that are pinned to a version, and what is said of a reload of all nodes. The texts are those of Vault 1.21. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { BUILTIN_VERSION, type JsonObject } from '@coffer/base';
import { ApiError, type Client, parseSecretResponse } from '@coffer/client';
import { FIXTURE_FILE } from '../packages/database-plugin/src/plugin-directory-fixture.ts';
import { textOf } from './auth/api.ts';
import { refusal, VersionedPlugins } from './plugin-versions-fixture.ts';

describe('plugins', () => {
  const plugins = new VersionedPlugins();
  const { configure, serving } = plugins;
  let client: Client;
  let sha256: string;
  let name: string;
  let catalog: string;
  beforeEach(() => ({ client, sha256, name, catalog } = plugins));

  const register = (version: string) =>
    client.write(catalog, { sha256, command: FIXTURE_FILE, env: [`FIXTURE_VERSION=${version}`], version });

  /** What is said of a connection's version: as configured, as running, and as a warning. */
  const shown = async (connection: string): Promise<unknown[]> => {
    const answer = await client.read(`database/config/${connection}`);
    return [answer?.data?.['plugin_version'], answer?.data?.['running_plugin_version'], answer?.warnings];
  };

  it('show no version where they have none', async () => {
    await client.write(catalog, { sha256, command: FIXTURE_FILE });
    await configure('plain');
    assert.deepEqual(await shown('plain'), ['', undefined, null]);
  });

  it('are reloaded on every node with a status', async () => {
    const status = 'sys/plugins/reload/backend/status';
    for (const [path, body] of [
      ['backend', { mounts: 'database' }],
      ['secret/database', {}],
    ] as const) {
      const asked = { body: { ...body, scope: 'global' } };
      const { status: code, body: answer } = await client.request('PUT', `sys/plugins/reload/${path}`, asked);
      assert.equal(code, 202);
      const id = textOf(parseSecretResponse(answer)?.data?.['reload_id']);
      const { reload_id, results } = (await client.read(status, { reload_id: id }))?.data ?? {};
      assert.equal(reload_id, id);
      const nodes = Object.values(results as Record<string, JsonObject>);
      assert.deepEqual(
        nodes.map(({ error }) => error),
        [''],
        'the one node there is',
      );
      assert.ok(Math.abs(Date.parse(textOf(nodes[0]?.['timestamp'])) - Date.now()) < 60_000);
    }
    assert.equal(await refusal(client.read(status)), 'reload_id must be provided');
    assert.equal(await client.read(status, { reload_id: 'never' }), undefined);
  });

  it('are reloaded without a type, as Vault’s command line asks, and by no other type than there are', async () => {
    await register('v1.0.0');
    await configure('n');
    const answer = await client.write(`sys/plugins/reload/unknown/${name}`, {});
    assert.deepEqual(answer?.warnings, null);
    assert.equal(
      await refusal(client.write(`sys/plugins/reload/nosuch/${name}`, {})),
      'error parsing "nosuch" as a plugin type, must be one of "auth", "secret", "database", or "unknown"',
    );
  });

  describe('are pinned', () => {
    let pin: string;
    beforeEach(() => (pin = `sys/plugins/pins/database/${name}`));
    afterEach(() => client.delete(pin));

    it('so that every use runs that version from its next start or reload on, and no other may be asked for', async () => {
      await register('v1.0.0');
      await register('v2.0.0');
      await configure('p', { plugin_version: 'v2.0.0' });
      await configure('q');
      assert.deepEqual(await shown('p'), ['v2.0.0', 'v2.0.0', null]);
      assert.deepEqual([await serving('p'), await serving('q')], ['v2.0.0', 'v2.0.0']);
      await client.write(pin, { version: '1' });
      assert.equal(await serving('p'), 'v2.0.0', 'until the reload');
      assert.deepEqual(await shown('p'), ['v2.0.0', 'v2.0.0', null]);
      await client.write(`sys/plugins/reload/database/${name}`, {});
      const pinned = ['Plugin version is configured as "v2.0.0", but running "v1.0.0" because that version is pinned'];
      assert.deepEqual(await shown('p'), ['v2.0.0', 'v1.0.0', pinned], 'before it is opened again');
      assert.deepEqual([await serving('p'), await serving('q')], ['v1.0.0', 'v1.0.0']);
      assert.deepEqual(await shown('p'), ['v2.0.0', 'v1.0.0', pinned]);
      assert.equal(
        await refusal(configure('r', { plugin_version: 'v2.0.0' })),
        `cannot specify plugin_version for plugin "${name}" as it is pinned (v1.0.0)`,
      );
      await configure('r');
      assert.deepEqual(
        [await serving('r'), (await client.read('database/config/r'))?.data?.['plugin_version']],
        ['v1.0.0', ''],
      );
      assert.deepEqual(await shown('r'), ['', 'v1.0.0', null]);
      await client.delete(pin);
      assert.deepEqual(await shown('p'), [
        ...['v2.0.0', 'v1.0.0'],
        [
          'Plugin version is configured as "v2.0.0", but running "v1.0.0" either due to a pinned version or because the plugin was upgraded and not yet reloaded',
        ],
      ]);
      await client.write(`sys/plugins/reload/database/${name}`, {});
      assert.equal(await serving('p'), 'v2.0.0', 'as it was configured');
    });

    it('to a version that is registered, which then stays', async () => {
      await register('v1.0.0');
      assert.equal(
        await refusal(client.write(pin, { version: 'v3.0.0' })),
        `plugin not found in the catalog; database plugin "${name}" version v3.0.0 does not exist`,
      );
      assert.equal(await refusal(client.write(pin, {})), 'missing plugin version');
      assert.match(await refusal(client.write(pin, { version: 'one' })), /is not a valid semantic version/);
      assert.equal(
        await refusal(client.write('sys/plugins/pins/database/ysql-plugin', { version: BUILTIN_VERSION })),
        `cannot pin a builtin plugin: "${BUILTIN_VERSION}"`,
      );
      await client.write(pin, { version: '1.0' });
      assert.equal(await refusal(client.delete(catalog, { version: 'v1.0.0' })), 'cannot delete a pinned version');
      assert.notEqual(await client.read(catalog, { version: 'v1.0.0' }), undefined);
    });

    it('and listed, shown and forgotten', async () => {
      await register('v1.0.0');
      await client.write(pin, { version: '1.0.0' });
      const view = { name, type: 'database', version: 'v1.0.0' };
      assert.deepEqual((await client.read(pin))?.data, view);
      assert.deepEqual((await client.read('sys/plugins/pins'))?.data, { pinned_versions: [view] });
      await client.delete(pin);
      await client.delete(pin);
      assert.deepEqual((await client.read('sys/plugins/pins'))?.data, { pinned_versions: [] });
      const outcome: unknown = await client.request('GET', pin).catch((error: unknown) => error);
      assert.ok(outcome instanceof ApiError);
      assert.deepEqual([outcome.status, outcome.errors], [404, ['no pinned version for this plugin']]);
    });
  });

  it('run in no container', async () => {
    const text = /^plugin runtimes are not supported/;
    assert.match(await refusal(client.read('sys/plugins/runtimes/catalog')), text);
    assert.match(
      await refusal(client.write('sys/plugins/runtimes/catalog/container/gvisor', { oci_runtime: 'runsc' })),
      text,
    );
  });
});
