import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createLogger, formatLogLine, VERSION } from '@coffer/base';
import { PluginProcess } from '@coffer/database-plugin';

const MAIN = join(import.meta.dirname, 'main.ts');

describe('ysql-plugin', () => {
  it('prints a semantic version', () => {
    const run = spawnSync(process.execPath, [MAIN, '-version'], { encoding: 'utf8' });
    assert.equal(run.status, 0);
    assert.match(run.stdout, /^ysql-plugin v\d+\.\d+\.\d+\n$/);
  });
  it('is no program of its own', () => {
    const run = spawnSync(process.execPath, [MAIN], { encoding: 'utf8' });
    assert.equal(run.status, 1);
    assert.equal(run.stdout, '');
    assert.match(run.stderr, /^This binary is a plugin\. These are not meant to be executed directly\.\n/);
  });
  it('serves YSQL to a host', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-ysql-plugin-'));
    await writeFile(join(directory, 'ysql-plugin.mjs'), `#!${process.execPath}\nawait import('${MAIN}');\n`, {
      mode: 0o755,
    });
    let log = '';
    const logger = createLogger('', 'info', (entry) => (log += formatLogLine(entry)));
    const plugin = await PluginProcess.launch({ directory, path: 'ysql-plugin.mjs', logger });
    try {
      const database = plugin.open();
      assert.equal(plugin.multiplexing, true);
      assert.equal(await plugin.version(), '', 'a host would pin it');
      assert.equal(await database.type(), 'yugabyte');
      const config = { host: '127.0.0.1', port: 1, username: 'yugabyte', password: 's3cret-pw', db: 'yugabyte' };
      await assert.rejects(
        database.initialize({ config, verifyConnection: true }),
        /^CofferError: unable to initialize: rpc error: code = Internal desc = failed to initialize: error verifying connection: /,
      );
      await database.close();
      const line = `[INFO]  ysql-plugin.mjs: ysql-plugin started: @module=ysql-plugin version=v${VERSION}\n`;
      assert.ok(log.includes(line), log);
    } finally {
      await plugin.kill();
      await rm(directory, { recursive: true });
    }
  });
});
