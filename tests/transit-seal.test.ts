/**
 * A server whose seal another server opens, and which moves from each seal to each other, as operators do it. The other server is
 * OpenBao where it can be had, and always a stand-in over TLS which answers as OpenBao does.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createClient } from '@coffer/client';
import { createCertificateAuthority, eventually, freePort, TransitStandIn } from '@coffer/testkit';
import { prepareOpenBao } from './clients/foreign-programs.ts';
import { vaultShell } from './docs-shell.ts';
import { executedBlocks } from './documentation.ts';
import { cleanEnvironment, ended } from './coffer-process.ts';
import { DurableHome, type DurableServer, type Initialized, initialize, isSealed, unseal } from './durable-process.ts';

interface Other {
  readonly address: string;
  readonly token: string;
  readonly caCert?: string;
  /** A new version of the key, and the older ones open nothing any more. */
  rotate(): Promise<void>;
  dropOlder(): Promise<void>;
  /** From now on it answers that it is sealed, or answers again. */
  away(isAway: boolean): Promise<void>;
  close(): Promise<void>;
}

async function startStandIn(): Promise<Other> {
  const authority = await createCertificateAuthority();
  const own = await authority.issue({ commonName: 'transit', ipAddresses: ['127.0.0.1'] });
  const token = `hvs.${randomBytes(16).toString('hex')}`;
  const tls = { cert: own.certificatePem, key: own.privateKeyPem };
  const server = await TransitStandIn.start({ tls, token });
  return {
    address: `https://127.0.0.1:${server.port}`,
    token,
    caCert: authority.certificatePem,
    rotate: async () => server.rotate(),
    dropOlder: async () => void server.minDecryptionVersion++,
    away: async (isAway) => {
      server.answer = isAway ? () => [503, { errors: ['Vault is sealed'] }] : undefined;
    },
    close: () => server.close(),
  };
}

/** Its token may do what the documentation says, and no more. */
async function startOpenBao(bao: string): Promise<Other> {
  const address = `http://127.0.0.1:${await freePort()}`;
  const flags = ['-dev', '-dev-root-token-id=root', '-dev-no-store-token', `-dev-listen-address=${address.slice(7)}`];
  const child = spawn(bao, ['server', ...flags], { env: cleanEnvironment({}), stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await eventually(() => output.includes('Development mode should NOT be used'), 'OpenBao starts');
  const [, key = ''] = /Unseal Key: (\S+)/.exec(output) ?? [];
  const root = createClient({ address, token: 'root' });
  const [commands] = executedBlocks('docs/seals.md', import.meta.filename);
  const printed = await vaultShell(commands?.text ?? '', { address });
  return {
    address,
    token: /^token +(\S+)$/m.exec(printed)?.[1] ?? '',
    rotate: async () => void (await root.write('transit/keys/unseal/rotate', {})),
    dropOlder: async () => void (await root.write('transit/keys/unseal/config', { min_decryption_version: 2 })),
    away: async (isAway) => {
      if (isAway) await root.request('PUT', 'sys/seal');
      else await root.request('PUT', 'sys/unseal', { body: { key } });
    },
    async close() {
      child.kill('SIGKILL');
      await ended(child);
    },
  };
}

const bao = await prepareOpenBao();
const others: Readonly<Record<string, (() => Promise<Other>) | string>> = {
  'a stand-in over TLS': startStandIn,
  OpenBao: 'missing' in bao ? bao.missing : () => startOpenBao(bao.command[0]),
};

/** Whoever opens it, moving the store away is the same work: it is tried with the realest. */
const REALEST = Object.entries(others).findLast(([, start]) => typeof start !== 'string')?.[0];

for (const [name, startOther] of Object.entries(others)) {
  if (typeof startOther === 'string') {
    it(startOther, { skip: true });
    continue;
  }
  describe(`a seal that ${name} opens`, () => {
    let other: Other;
    let home: DurableHome;
    let server: DurableServer;
    before(async () => (other = await startOther()));
    after(() => other.close());
    beforeEach(async () => {
      home = await DurableHome.make({ VAULT_TOKEN: other.token });
      if (other.caCert !== undefined) await writeFile(home.path('ca.pem'), other.caCert);
      await writeFile(home.path('static.key'), randomBytes(32));
    });
    afterEach(() => home.remove());

    const transit = (more = ''): string => `seal "transit" {
      address    = "${other.address}"
      mount_path = "transit/"
      key_name   = "unseal"
      ${other.caCert === undefined ? '' : `tls_ca_cert = ${JSON.stringify(home.path('ca.pem'))}`}
      ${more}
    }`;
    const staticSeal = (more = ''): string => `seal "static" {
      current_key_id = "first"
      current_key    = "file://${home.path('static.key')}"
      ${more}
    }`;
    const DISABLED = 'disabled = "true"';

    async function start(...seals: readonly string[]): Promise<DurableServer> {
      await home.configure([home.fileStorage, ...seals].join('\n'));
      return (server = await home.start());
    }
    const again = async (...seals: readonly string[]): Promise<DurableServer> => {
      await server.stop('SIGKILL');
      return start(...seals);
    };
    const ask = async (path: string): Promise<Record<string, unknown>> => {
      const response = await fetch(`${server.address}/v1/${path}`);
      return (await response.json()) as Record<string, unknown>;
    };

    it('needs no shares, waits for it, follows its new keys', async () => {
      await start(transit());
      const made = await server.run([
        'operator',
        'init',
        '-recovery-shares=1',
        '-recovery-threshold=1',
        '-format=json',
      ]);
      const {
        root_token: root,
        unseal_keys_b64: none,
        recovery_keys_b64: keys,
      } = JSON.parse(made.stdout) as Initialized;
      assert.deepEqual([none.length, keys.length], [0, 1]);
      await server.client(root).write('sys/policies/acl/kept', { policy: '# kept' });
      const shown = await ask('sys/seal-status');
      assert.partialDeepStrictEqual(shown, { type: 'transit', sealed: false, recovery_seal: true, migration: false });
      assert.match(server.output(), /Seal: transit/);

      await other.rotate();
      await again(transit());
      assert.equal(await isSealed(server), false);
      assert.match(server.output(), /encrypted the root key with the new key of the seal.*unseal:v2/);
      await other.dropOlder();

      await other.away(true);
      await again(transit());
      assert.partialDeepStrictEqual(await ask('sys/seal-status'), { type: 'transit', sealed: true, migration: false });
      const { warnings } = await ask('sys/seal-status');
      assert.match(
        String(warnings),
        /the server behind the seal does not answer, or cannot decrypt: Coffer keeps trying/,
      );
      assert.match(String((await ask('sys/health'))['reason']), /^seal "transit": /);
      assert.match((await server.run(['status'])).stdout, /Warnings +\[seal "transit": the server behind/);
      assert.match(server.output(), /503 Vault is sealed/);
      await other.away(false);
      await eventually(async () => !(await isSealed(server)), 'it opens once it can', { patienceMs: 20_000 });
      assert.ok((await server.client(root).read('sys/policies/acl/kept')) !== undefined);
      assert.equal((await ask('sys/health'))['reason'], undefined);

      const sealedBy = await server.run(['operator', 'seal'], root);
      assert.equal(sealedBy.exit, 0, sealedBy.stderr);
      assert.match((await server.run(['operator', 'unseal', keys[0] ?? ''])).stderr, /restart the server to unseal it/);
      assert.ok(!server.output().includes(other.token));
      await server.stop('SIGTERM');

      for (const [wrong, said] of [
        ['key_name = "other"', /Error initializing the server: seal "transit": transit\/decrypt\/other .*(403|400) /],
        ['mount_path = "nowhere"', /seal "transit": nowhere\/decrypt\/unseal .*40[34] /],
        ['token = "wrong"', /seal "transit": transit\/decrypt\/unseal .*403 permission denied/],
      ] as const) {
        const [key = ''] = wrong.split(' ');
        const block = transit()
          .replace(new RegExp(`^ *${key} .*$`, 'm'), '')
          .replace(/}$/, `${wrong}\n}`);
        await assert.rejects(start(block), said);
      }
    });

    it('takes over from shares, gives back to them, and to a static key, and takes over from that', {
      skip: name !== REALEST,
    }, async () => {
      await start();
      const { unseal_keys_b64: keys, root_token: root } = await initialize(server, 3, 2);
      await unseal(server, keys.slice(0, 2));
      await server.client(root).write('sys/policies/acl/kept', { policy: '# kept' });
      const migrate = async (): Promise<void> => {
        assert.partialDeepStrictEqual(await ask('sys/seal-status'), { sealed: true, migration: true, n: 3, t: 2 });
        assert.match((await server.run(['status'])).stdout, /Seal Migration in Progress +true/);
        const without = await server.run(['operator', 'unseal', keys[0] ?? '']);
        assert.match(without.stderr, /migrate option not provided and seal migration is pending/);
        await server.run(['operator', 'unseal', '-migrate', '-'], '', keys[0]);
        const last = await server.run(['operator', 'unseal', '-migrate', '-'], '', keys[2]);
        assert.match(last.stdout, /Sealed +false/, last.stderr);
        assert.ok((await server.client(root).read('sys/policies/acl/kept')) !== undefined);
      };
      const opens = async (type: string): Promise<void> => {
        assert.partialDeepStrictEqual(await ask('sys/seal-status'), { type, sealed: false, migration: false });
      };

      await again(transit());
      await migrate();
      await again(transit());
      await opens('transit');

      await again(transit(DISABLED), staticSeal());
      await migrate();
      await again(staticSeal());
      await opens('static');
      await server.stop('SIGTERM');
      await assert.rejects(start(transit()), /configure seal "static", with disabled = "true" to migrate from it/);

      await start(staticSeal(DISABLED), transit());
      await migrate();
      await again(staticSeal(DISABLED), transit());
      await opens('transit');

      await again(transit(DISABLED));
      await migrate();
      await again();
      const noneLeft = await server.run(['operator', 'unseal', '-migrate', keys[0] ?? '']);
      assert.match(noneLeft.stderr, /can't perform a seal migration, no migration seal found/);
      await unseal(server, keys.slice(1));
      await opens('shamir');
    });
  });
}
