/** Runs the commands of docs/production.md on a server as the page configures it, with the file as its storage. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { vaultShell } from './docs-shell.ts';
import { executedBlocks } from './documentation.ts';
import { DurableHome, isSealed } from './durable-process.ts';

describe('docs/production.md', () => {
  let home: DurableHome;
  beforeEach(async () => (home = await DurableHome.make()));
  afterEach(() => home.remove());

  it('does what it says', async () => {
    const [firstStart, rotation, quotas, ...others] = executedBlocks('docs/production.md', import.meta.filename);
    assert.deepEqual(others, []);
    await home.configure(home.fileStorage);
    const server = await home.start();
    const commands = (firstStart?.text ?? '').trim().split('\n');
    const [init = [], unseal = [], login = []] = commands.map((line) =>
      line.replace(/ *#.*/, '').replace('coffer ', '').split(' '),
    );

    const made = await server.run(init);
    const keys = [...made.stdout.matchAll(/^Unseal Key \d: (\S+)$/gm)].map(([, key = '']) => key);
    const [, root = ''] = /^Initial Root Token: (\S+)$/m.exec(made.stdout) ?? [];
    assert.equal(keys.length, 5);
    // Where the page's reader is asked, the command takes "-" and reads it.
    for (const key of keys.slice(2)) {
      assert.equal(await isSealed(server), true);
      assert.equal((await server.run([...unseal, '-'], '', key)).exit, 0);
    }
    assert.equal(await isSealed(server), false);
    const loggedIn = await server.run([...login, '-no-store', '-'], '', root);
    assert.match(loggedIn.stdout, /token_policies +\["root"\]/);

    const printed = await vaultShell(rotation?.text ?? '', { address: server.address, token: root });
    assert.match(printed, /^interval +720h0m0s$/m);
    assert.match(printed, /^max_operations +3865470566$/m);
    assert.match(printed, /^Encryption Count +\d+$/m);
    const enabled = 'vault auth enable userpass';
    const limited = await vaultShell(`${enabled}\n${quotas?.text ?? ''}`, { address: server.address, token: root });
    assert.match(limited, /^path +auth\/userpass\/login\/\*$/m);
    assert.match(limited, /^block_interval +300$/m);
    assert.match(limited, /^Keys\n----\nlogins$/m);
    assert.equal(await server.stop('SIGTERM'), 0);
  });
});
