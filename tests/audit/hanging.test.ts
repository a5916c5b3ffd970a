/** An audit device that stands still: a pipe that nobody reads. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@coffer/testkit';
import { type Api, apiAt } from '../auth/api.ts';
import { startTestServer, type TestServer } from '../dev-server.ts';

describe('an audit device that hangs', () => {
  const directory = mkdtempSync(join(tmpdir(), 'coffer-hanging-'));
  const pipe = join(directory, 'pipe');
  let server: TestServer;
  let api: Api;

  before(async () => {
    server = await startTestServer();
    api = apiAt(server.address);
  });
  after(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('holds up nobody for longer than is said', async () => {
    execFileSync('mkfifo', [pipe]);
    await api.refused([400, /ENXIO/], 'PUT', 'sys/audit/pipe', { type: 'file', options: { file_path: pipe } });
    // Open both ways, so that it does not end with the first writer.
    const reader = spawn('sh', ['-c', 'exec cat <>"$0" >/dev/null', pipe], { stdio: 'ignore' });
    try {
      const enable = () => api('PUT', 'sys/audit/pipe', { type: 'file', options: { file_path: pipe } });
      await eventually(async () => (await enable()).status === 204, 'nobody reads');
      reader.kill('SIGSTOP');
      // The pipe takes 64 KiB; each of these has two lines of a kibibyte.
      const asked = Array.from({ length: 100 }, () =>
        api('PUT', 'sys/capabilities-self', { path: 'a', ['k'.repeat(900)]: 1 }),
      );
      const statuses = (await Promise.all(asked)).map(({ status }) => status);
      assert.deepEqual(new Set(statuses), new Set([200, 500]));
      assert.match(server.log(), /backend failed to log: backend=pipe\/ error="?nothing was written for 5 s/);
      assert.equal((await api('GET', 'sys/health')).status, 200);
      reader.kill('SIGCONT');
      await eventually(async () => (await api('GET', 'sys/mounts')).status === 200, 'the device takes no lines');
      await api.ok('DELETE', 'sys/audit/pipe');
    } finally {
      reader.kill('SIGKILL');
    }
  });
});
