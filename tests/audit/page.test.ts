/** Runs every command of docs/audit.md, in order, in one shell, and reads its configuration. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isJsonObject } from '@coffer/base';
import { parseServerConfig } from '../../apps/coffer/src/config/server-config.ts';
import { startTestServer, type TestServer } from '../dev-server.ts';
import { vaultShell } from '../docs-shell.ts';
import { executedBlocks } from '../documentation.ts';

describe('docs/audit.md', () => {
  const directory = mkdtempSync(join(tmpdir(), 'coffer-audit-page-'));
  const blocks = executedBlocks('docs/audit.md', import.meta.filename);
  const textsOf = (wanted: string): string[] => blocks.filter(({ kind }) => kind === wanted).map(({ text }) => text);
  let server: TestServer;

  before(async () => (server = await startTestServer()));
  after(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('does what it says', async () => {
    const stdout = await vaultShell(textsOf('sh').join('\n'), {
      address: server.address,
      env: { AUDIT_DIR: directory },
    });
    assert.match(stdout, /Success! Enabled the file audit device at: first\//);
    assert.match(stdout, /second\/ +file +without hashes +replicated +file_path=\S+ log_raw=true mode=0640/);
    const line: unknown = JSON.parse(stdout.split('\n').find((each) => each.startsWith('{')) ?? '');
    assert.ok(isJsonObject(line) && isJsonObject(line['request']));
    assert.deepEqual([line['type'], line['request']['path']], ['response', 'auth/token/create']);
    assert.match(stdout, /^[1-9]\d*$/m, 'the hash is found');
  });

  it('shows a configuration that is read', () => {
    const [stanzas = ''] = textsOf('hcl');
    const rest = 'listener "tcp" { address = "127.0.0.1:0", tls_disable = true }\nstorage "file" { path = "/x" }';
    const { devices } = parseServerConfig(`${rest}\n${stanzas}`, 'page').audit;
    assert.deepEqual(
      devices.map(({ path, type, description }) => [path, type, description]),
      [
        ['file/', 'file', 'read by the collector of logs'],
        ['collector/', 'socket', ''],
      ],
    );
  });
});
