/** The seal as operators meet it: real processes, and the command line. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { coffer } from './coffer-process.ts';
import {
  DurableHome,
  type DurableServer,
  type Initialized,
  initialize,
  isSealed,
  runSealed,
  unseal,
} from './durable-process.ts';

describe('the seal of a server', () => {
  let home: DurableHome;
  beforeEach(async () => (home = await DurableHome.make()));
  afterEach(() => home.remove());

  it('opens by a static key, moves to a new one, and gives recovery keys', async () => {
    const key = (name: string) => `current_key_id = "${name}", current_key = "file://${home.path(`${name}.key`)}"`;
    await writeFile(home.path('one.key'), randomBytes(32));
    await writeFile(home.path('two.key'), `${randomBytes(32).toString('hex')}\n`);
    await home.configure(`${home.fileStorage}\ncluster_name = "named"\nseal "static" { ${key('one')} }`);
    let server = await home.start();
    assert.match(
      (await server.run(['operator', 'init', '-key-shares=1', '-key-threshold=1'])).stderr,
      /-recovery-shares/,
    );
    await assert.rejects(
      server
        .client()
        .request('PUT', 'sys/init', { body: { secret_shares: 1, secret_threshold: 1, recovery_shares: 1 } }),
      /400.*parameters secret_shares,secret_threshold not applicable to seal type static/s,
    );
    const made = await server.run(['operator', 'init', '-recovery-shares=1', '-recovery-threshold=1', '-format=json']);
    const { root_token: root, recovery_keys_b64: recovery } = JSON.parse(made.stdout) as Initialized;
    assert.equal(await isSealed(server), false);
    await server.client(root).write('sys/policies/acl/kept', { policy: '# kept' });
    for (const path of ['sys/seal-status', 'sys/health']) {
      const { body } = await server.client().request('GET', path);
      assert.equal((body as { cluster_name: string }).cluster_name, 'named');
    }
    await server.stop('SIGKILL');

    await home.configure(
      `${home.fileStorage}\nseal "static" { ${key('two')}, previous_key_id = "one", previous_key = "file://${home.path('one.key')}" }`,
    );
    server = await home.start();
    assert.equal(await isSealed(server), false);
    await server.stop('SIGTERM');
    await home.configure(`${home.fileStorage}\nseal "static" { ${key('two')} }`);
    server = await home.start();
    assert.ok((await server.client(root).read('sys/policies/acl/kept')) !== undefined);
    const otp = (await server.run(['operator', 'generate-root', '-generate-otp'], root)).stdout.trim();
    const begun = await server.run(['operator', 'generate-root', '-init', `-otp=${otp}`, '-format=json'], root);
    const { nonce } = JSON.parse(begun.stdout) as { nonce: string };
    const done = await server.run(
      ['operator', 'generate-root', `-nonce=${nonce}`, '-format=json', '-'],
      root,
      recovery[0],
    );
    const { encoded_token: encoded } = JSON.parse(done.stdout) as { encoded_token: string };
    const token = (await coffer(['operator', 'generate-root', `-decode=${encoded}`, `-otp=${otp}`])).stdout.trim();
    assert.ok((await server.client(token).read('sys/mounts')) !== undefined);
    await rekeysByRecoveryKeys(server, root, recovery[0] ?? '');
    await server.stop('SIGTERM');

    await home.configure(`${home.fileStorage}\nseal "static" { ${key('one')} }`);
    await assert.rejects(
      home.start(),
      /sealed under the key "two", which is neither current_key_id nor previous_key_id/,
    );
    await writeFile(home.path('two.key'), randomBytes(32));
    await home.configure(`${home.fileStorage}\nseal "static" { ${key('two')} }`);
    await assert.rejects(home.start(), /the key "two" does not open this store/);
    await home.configure(home.fileStorage);
    await assert.rejects(home.start(), /the store has a seal of type "static".*configure seal "static"/);
    await home.configure(
      `${home.fileStorage}\nseal "static" { current_key_id = "x", current_key = "env://NO_SUCH_KEY" }`,
    );
    await assert.rejects(home.start(), /the environment variable NO_SUCH_KEY is not set/);
  });

  async function rekeysByRecoveryKeys(server: DurableServer, root: string, recovery: string): Promise<void> {
    const rekey = (...args: string[]) => server.run(['operator', 'rekey', ...args], root);
    const begin = async (...args: string[]): Promise<string> => {
      const { stdout } = await rekey(...args, '-init', '-format=json');
      return (JSON.parse(stdout) as { nonce: string }).nonce;
    };
    assert.match((await rekey('-target=moon', '-init')).stderr, /Unknown target: moon/);
    const first = await begin('-target=recovery', '-key-shares=2', '-key-threshold=2');
    assert.match((await rekey('-status')).stdout, /Started +false/);
    const exchanged = await rekey('-target=recovery', `-nonce=${first}`, recovery);
    const [, one = '', two = ''] = /Key 1: (\S+)\nKey 2: (\S+)\n/.exec(exchanged.stdout) ?? [];
    assert.match(exchanged.stdout, /Vault recovery keys rekeyed with 2 key shares and a key threshold of 2\./);
    assert.match((await server.run(['status'])).stdout, /Total Recovery Shares +2\nThreshold +2/);

    const second = await begin('-key-shares=5', '-key-threshold=3');
    assert.match((await rekey('-status')).stdout, /Rekey Progress +0\/2\nNew Shares +1\nNew Threshold +1/);
    await rekey(`-nonce=${second}`, one);
    const done = await rekey(`-nonce=${second}`, two);
    assert.doesNotMatch(done.stdout, /Key 1/);
    assert.match(done.stdout, /Vault root key rekeyed\./);
    const again = await begin('-target=recovery', '-key-shares=1', '-key-threshold=1');
    const altered = Buffer.from(two, 'base64');
    altered[0] = (altered[0] ?? 0) ^ 1;
    const wrong = await rekey('-target=recovery', `-nonce=${again}`, altered.toString('base64'));
    assert.match(wrong.stdout, /Rekey Progress +1\/2/);
    const refused = await rekey('-target=recovery', `-nonce=${again}`, one);
    assert.match(refused.stderr, /recovery key verification failed/);
    assert.equal((await rekey('-target=recovery', '-cancel')).exit, 0);
    assert.match((await rekey('-target=recovery', '-status')).stdout, /Started +false/);
  }

  it('seals, unseals share by share, rotates and rekeys, as the command line shows it', async () => {
    await home.configure(home.fileStorage);
    const server = await home.start();
    assert.equal((await server.run(['operator', 'init', '-status'])).exit, 2);
    assert.equal((await server.run(['status'])).exit, 2);
    const recovery = await server.run(['operator', 'init', '-recovery-shares=1']);
    assert.deepEqual([recovery.exit, /use -key-shares/.test(recovery.stderr)], [1, true], recovery.stderr);
    await assert.rejects(
      server.client().request('PUT', 'sys/init', { body: { recovery_threshold: 1, secret_shares: 1 } }),
      /400.*parameters recovery_threshold not applicable to seal type shamir/s,
    );
    const { root_token: root, unseal_keys_b64: keys } = await initialize(server);
    assert.equal((await server.run(['operator', 'init', '-status'])).exit, 0);
    assert.match((await server.run(['operator', 'init'])).stderr, /Vault is already initialized/);

    const one = await server.run(['operator', 'unseal', '-'], '', keys[0]);
    assert.match(one.stdout, /Sealed +true\nTotal Shares +3\nThreshold +2\nUnseal Progress +1\/2/);
    assert.match((await server.run(['operator', 'unseal', keys[0] ?? ''])).stdout, /Unseal Progress +1\/2/);
    assert.match((await server.run(['operator', 'unseal', '-reset'])).stdout, /Unseal Progress +0\/2/);
    await unseal(server, keys.slice(0, 1));
    // Shares have their places by lot: two at the same place are refused in other words.
    const place = (Buffer.from(keys[0] ?? '', 'base64').at(-1) ?? 0) % 255;
    const stranger = Buffer.concat([randomBytes(32), Buffer.from([place + 1])]).toString('base64');
    await assert.rejects(unseal(server, [stranger]), /Unseal failed, invalid key/);
    assert.equal(await isSealed(server), true);
    await unseal(server, keys.slice(0, 2));
    assert.equal((await server.run(['status'])).exit, 0);

    await server.client(root).write('sys/policies/acl/before', { policy: '# before' });
    const rotated = await server.run(['operator', 'rotate'], root);
    assert.match(
      rotated.stdout,
      /^Success! Rotated key\n\nKey Term {12}2\nInstall Time {8}\d\d \w{3} \d\d \d\d:\d\d UTC\nEncryption Count {4}0\n$/,
    );
    await server.client(root).write('sys/policies/acl/after', { policy: '# after' });

    const rekey = (...args: string[]) => server.run(['operator', 'rekey', ...args], root);
    const begun = await rekey('-init', '-key-shares=2', '-key-threshold=2', '-format=json');
    const { nonce } = JSON.parse(begun.stdout) as { nonce: string };
    assert.match((await rekey(keys[0] ?? '')).stderr, /Missing nonce value/);
    for (const flag of ['-init', '-status', '-cancel']) {
      const { stderr, exit } = await rekey('-target=recovery', flag);
      assert.equal(exit, 2);
      assert.match(stderr, /Code: 400\. Errors:\n\n\* recovery rekeying not supported/);
    }
    await rekey(`-nonce=${nonce}`, keys[0] ?? '');
    assert.match((await rekey('-status')).stdout, /Rekey Progress +1\/2/);
    const ready = await rekey(`-nonce=${nonce}`, '-format=json', keys[2] ?? '');
    const { keys_base64: fresh } = JSON.parse(ready.stdout) as { keys_base64: string[] };
    assert.equal(fresh.length, 2);

    assert.equal((await server.run(['operator', 'seal'], root)).stdout, 'Success! Vault is sealed.\n');
    const status = await runSealed(server, ['status']);
    assert.equal(status.exit, 2);
    assert.match(status.stdout, /Sealed +true/);
    const refused = await runSealed(server, ['read', 'database/creds/app'], root);
    assert.match(refused.stderr, /Code: 503\. Errors:\n\n\* Vault is sealed/);
    await assert.rejects(unseal(server, keys.slice(0, 2)), /Unseal failed, invalid key/);
    await unseal(server, fresh);
    for (const name of ['before', 'after']) {
      assert.equal((await server.client(root).read(`sys/policies/acl/${name}`))?.data?.['policy'], `# ${name}`);
    }
    assert.match((await server.run(['operator', 'key-status'], root)).stdout, /Key Term +2/);
    assert.equal(await server.stop('SIGTERM'), 0);
  });

  it('shows and changes when its encryption key is rotated by itself', async () => {
    await home.configure(home.fileStorage);
    const server = await home.start();
    const { root_token: root, unseal_keys_b64: keys } = await initialize(server, 1, 1);
    await unseal(server, keys);
    const client = server.client(root);
    const shown = async () => (await client.read('sys/rotate/config'))?.data;
    assert.deepEqual(await shown(), { enabled: true, interval: 0, max_operations: 3_865_470_566 });
    await client.write('sys/rotate/config', { max_operations: 3_221_225_472, interval: '5432h' });
    await client.write('sys/rotate/config', { enabled: false });
    assert.deepEqual(await shown(), { enabled: false, interval: '5432h0m0s', max_operations: 3_221_225_472 });
    await assert.rejects(
      client.write('sys/rotate/config', { interval: 60 }),
      /interval must be greater or equal to 24h0m0s/,
    );
    await server.stop('SIGTERM');
  });

  it('tells its health by Vault’s codes', async () => {
    await home.configure(home.fileStorage);
    const server = await home.start();
    const health = async (query = '', method = 'GET'): Promise<number> =>
      (await fetch(`${server.address}/v1/sys/health${query}`, { method })).status;
    assert.equal(await health(), 501);
    assert.equal(await health('?uninitcode=200'), 200);
    const { root_token: root, unseal_keys_b64: keys } = await initialize(server, 1, 1);
    assert.equal(await health(), 503);
    assert.equal(await health('', 'HEAD'), 503);
    assert.equal(await health('?sealedcode=299'), 299);
    assert.equal(await health('?sealedcode=1000'), 400);
    await unseal(server, keys);
    assert.equal(await health('?standbyok=true&perfstandbyok=true'), 200);
    assert.equal(await health('?activecode=204'), 204);
    await assert.rejects(server.client().request('PUT', 'sys/seal'), /permission denied/);
    await server.client(root).request('PUT', 'sys/seal');
    assert.equal(await health(), 503);
  });
});
