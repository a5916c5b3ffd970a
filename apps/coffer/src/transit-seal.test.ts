import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { createLogger, formatLogLine, Secret, silentLogger } from '@coffer/base';
import { readSeals } from './seals.ts';
import { readTransitSeal } from './transit-seal.ts';

const ENV = {
  VAULT_ADDR: 'https://env:8200',
  VAULT_TOKEN: 'hvs.from-env',
  VAULT_TRANSIT_SEAL_KEY_NAME: 'env-key',
  VAULT_TRANSIT_SEAL_MOUNT_PATH: '/env-mount/',
  VAULT_NAMESPACE: 'env-ns',
  VAULT_TRANSIT_SEAL_DISABLE_RENEWAL: '1',
  VAULT_TLS_SERVER_NAME: 'env-name',
  VAULT_SKIP_VERIFY: 'true',
};
const FILE = {
  type: 'transit',
  address: 'https://file:8200',
  token: new Secret('hvs.from-file'),
  keyName: 'file-key',
  mountPath: 'file-mount',
  namespace: 'file-ns',
  disableRenewal: false,
  serverName: 'file-name',
  skipVerify: false,
} as const;

describe('a transit seal', () => {
  const read = async (config: Parameters<typeof readTransitSeal>[0], env: Record<string, string>, isOnly = true) => {
    const { token, logger, ...rest } = await readTransitSeal(config, { ...env }, isOnly, silentLogger);
    assert.equal(logger, silentLogger);
    return { token: token.reveal(), ...rest };
  };

  it('is told by the environment alone, as Vault’s', async () => {
    assert.deepEqual(await read({ type: 'transit' }, ENV), {
      token: 'hvs.from-env',
      address: 'https://env:8200',
      keyName: 'env-key',
      mountPath: 'env-mount',
      namespace: 'env-ns',
      disableRenewal: true,
      tlsServerName: 'env-name',
      tlsSkipVerify: true,
    });
  });

  it('takes key, mount and namespace from the environment first, address, token and TLS from the file', async () => {
    const file = {
      token: 'hvs.from-file',
      address: 'https://file:8200',
      tlsServerName: 'file-name',
      tlsSkipVerify: false,
    };
    const [env, own] = [await read(FILE, ENV), await read(FILE, ENV, false)];
    const fromEnv = { keyName: 'env-key', mountPath: 'env-mount', namespace: 'env-ns', disableRenewal: true };
    assert.deepEqual(env, { ...file, ...fromEnv });
    const fromFile = { keyName: 'file-key', mountPath: 'file-mount', namespace: 'file-ns', disableRenewal: false };
    assert.deepEqual(own, { ...file, ...fromFile }, 'where there are two, each has its own');
  });

  it('names what is missing or wrong', async () => {
    const without = (name: keyof typeof ENV) => {
      return read({ type: 'transit' }, { ...ENV, [name]: '' });
    };
    await assert.rejects(without('VAULT_ADDR'), /address is required, or VAULT_ADDR/);
    await assert.rejects(without('VAULT_TOKEN'), /token is required, or VAULT_TOKEN/);
    await assert.rejects(
      without('VAULT_TRANSIT_SEAL_KEY_NAME'),
      /key_name is required, or VAULT_TRANSIT_SEAL_KEY_NAME/,
    );
    await assert.rejects(without('VAULT_TRANSIT_SEAL_MOUNT_PATH'), /mount_path is required/);
    await assert.rejects(read(FILE, { VAULT_TRANSIT_SEAL_DISABLE_RENEWAL: 'maybe' }), /must be true or false/);
    await assert.rejects(read({ ...FILE, caFile: '/no/such.pem' }, {}), /seal "transit": .*no\/such\.pem/);
  });

  it('takes its token out of the environment, and shows it nowhere', async () => {
    const lines: string[] = [];
    const logger = createLogger('', 'trace', (entry) => lines.push(formatLogLine(entry)));
    const env: Record<string, string | undefined> = { ...ENV, VAULT_ADDR: 'http://vault.example.com:8200' };
    const seals = await readSeals({ seal: { type: 'transit' } }, env, logger);
    assert.equal(env['VAULT_TOKEN'], undefined);
    assert.ok(!inspect(seals, { depth: 9 }).includes('hvs.from-env'));
    assert.match(lines.join(''), /are sent unencrypted[\s\S]*is not verified/);
    assert.ok(!lines.join('').includes('hvs.from-env'));
    await assert.rejects(
      readSeals({ seal: { ...FILE, address: 'nowhere' } }, {}, logger),
      /address "nowhere" is not a URL/,
    );
    await assert.rejects(
      readSeals({ seal: { ...FILE, token: new Secret('hvs\nx') } }, {}, logger),
      (error: Error) => /non-printable/.test(error.message) && !inspect(error).includes('hvs\nx'),
    );
    assert.deepEqual(await readSeals({}, { VAULT_TOKEN: 'kept' }, logger), {});
  });
});
