/** What a plugin can learn from the server that starts it, and who can put another one in its place: real processes. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { DurableHome, type DurableServer, type Initialized } from './durable-process.ts';

const KEY = randomBytes(32).toString('base64');
const SECRETS: Readonly<Record<string, string>> = {
  UNSEAL_KEY: KEY,
  OTHER_COPY: KEY,
  AWS_SECRET_ACCESS_KEY: 'top-secret',
  PGPASSWORD: 'top-secret',
  COFFER_ANYTHING: 'top-secret',
  NODE_AUTH_TOKEN: 'top-secret',
};

describe('a plugin of a server with secrets in its environment', () => {
  let home: DurableHome;
  let server: DurableServer;
  let root = '';
  beforeEach(async () => {
    home = await DurableHome.make(SECRETS);
    await mkdir(home.path('plugins'), { mode: 0o755 });
    // No plugin: it only tells what it was given.
    const program = `import { writeFileSync } from 'node:fs';\nwriteFileSync(process.env.REPORT, JSON.stringify(process.env));\n`;
    await writeFile(home.path('plugins/teller.mjs'), `#!${process.execPath}\n${program}`, { mode: 0o755 });
    await home.configure(`${home.fileStorage}
      plugin_directory = ${JSON.stringify(home.path('plugins'))}
      seal "static" { current_key_id = "x", current_key = "env://UNSEAL_KEY" }`);
    server = await home.start();
    const made = await server.run(['operator', 'init', '-recovery-shares=1', '-recovery-threshold=1', '-format=json']);
    root = (JSON.parse(made.stdout) as Initialized).root_token;
    await server.client(root).request('POST', 'sys/mounts/database', { body: { type: 'database' } });
  });
  afterEach(() => home.remove());

  async function register(...env: string[]) {
    const sha256 = createHash('sha256')
      .update(await readFile(home.path('plugins/teller.mjs')))
      .digest('hex');
    const args = [
      'plugin',
      'register',
      `-sha256=${sha256}`,
      '-command=teller.mjs',
      ...env.map((each) => `-env=${each}`),
    ];
    return server.run([...args, 'database', 'teller'], root);
  }

  const configure = () =>
    server.client(root).write('database/config/c', { plugin_name: 'teller', connection_url: 'x' });

  it('finds none of them, and what it was registered with', async () => {
    const report = home.path('report');
    assert.equal((await register(`REPORT=${report}`, 'MINE=a=b')).exit, 0);
    await assert.rejects(configure(), /plugin exited before we could connect/);
    const seen = JSON.parse(await readFile(report, 'utf8')) as Record<string, string>;
    assert.equal(seen['MINE'], 'a=b');
    for (const name of Object.keys(SECRETS)) assert.equal(seen[name], undefined, name);
    for (const value of Object.values(SECRETS)) assert.ok(!JSON.stringify(seen).includes(value));
    const shown = await server.client(root).read('sys/plugins/catalog/database/teller');
    assert.ok(!JSON.stringify(shown?.data).includes('a=b'));
    for (const wrong of ['NAME', '=value']) {
      assert.match((await register(wrong)).stderr, /field "env": entry 1 must have the form NAME=value/);
    }
  });

  it('is neither registered nor started from where others can write', async () => {
    for (const [path, mode] of [
      ['plugins', 0o777],
      ['plugins', 0o775],
      ['plugins/teller.mjs', 0o757],
    ] as const) {
      await chmod(home.path(path), mode);
      assert.match((await register()).stderr, new RegExp(`${path}\\\\?" has insecure permissions.*chmod go-w`));
      await chmod(home.path(path), 0o755);
      assert.equal((await register('REPORT=/dev/null')).exit, 0);
      await chmod(home.path(path), mode);
      await assert.rejects(configure(), /the plugin is not started: .* has insecure permissions/);
      await chmod(home.path(path), 0o755);
    }
  });
});
