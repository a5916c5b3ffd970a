/** Runs every command of docs/identity.md, in order, in one shell. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startTestServer, type TestServer } from '../dev-server.ts';
import { vaultShell } from '../docs-shell.ts';
import { executedBlocks } from '../documentation.ts';

describe('docs/identity.md', () => {
  let server: TestServer;

  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());

  it('does what it says', async () => {
    const commands = executedBlocks('docs/identity.md', import.meta.filename).map(({ text }) => text);
    const stdout = await vaultShell(commands.join('\n'), { address: server.address });
    // The group of the group lets ana read credentials, and the template her team's secrets.
    assert.equal(stdout.split('\n').filter((line) => line === 'read').length, 2, stdout);
    assert.match(stdout, /name +bo/);
    assert.match(stdout, /^type +batch$/m);
  });
});
