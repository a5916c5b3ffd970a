/** The service account of the pod that the server runs in, from files as Kubernetes puts them there. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { KubernetesConfig } from './config-entry.ts';
import { LocalServiceAccount } from './local-service-account.ts';

const CONFIG: KubernetesConfig = {
  host: 'https://kubernetes.default.svc',
  caCert: '',
  tokenReviewerJwt: '',
  pemKeys: [],
  jwksUrl: '',
  jwksCa: '',
  issuer: '',
  disableIssValidation: true,
  disableLocalCaJwt: false,
};

describe('the service account of the pod', () => {
  let directory: string;
  beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'coffer-pod-'))));
  afterEach(() => rm(directory, { recursive: true }));
  const asked = async (config: Partial<KubernetesConfig> = {}) => {
    const { ca, reviewer } = await new LocalServiceAccount(directory).apiServer({ ...CONFIG, ...config });
    return [ca, reviewer?.reveal()];
  };
  /** As the kubelet does it: a directory for each version, and a link that is moved from one to the next. */
  const publish = async (version: string): Promise<void> => {
    await mkdir(join(directory, version));
    for (const name of ['token', 'ca.crt']) {
      await writeFile(join(directory, version, name), `${name} of ${version}\n`);
      await symlink(join('..data', name), join(directory, name)).catch(() => undefined);
    }
    await symlink(version, join(directory, '..data_tmp'));
    await rename(join(directory, '..data_tmp'), join(directory, '..data'));
  };

  it('stands in for what the configuration leaves out, and for nothing that it says', async () => {
    await publish('v1');
    assert.deepEqual(await asked(), ['ca.crt of v1\n', 'token of v1']);
    assert.deepEqual(await asked({ caCert: 'a CA' }), ['a CA', 'token of v1']);
    assert.deepEqual(await asked({ tokenReviewerJwt: ' a reviewer\n' }), ['ca.crt of v1\n', 'a reviewer']);
  });

  it('is not looked at where the configuration forbids it', async () => {
    await publish('v1');
    assert.deepEqual(await asked({ disableLocalCaJwt: true }), ['', undefined]);
    assert.deepEqual(await asked({ disableLocalCaJwt: true, tokenReviewerJwt: 'x' }), ['', 'x']);
  });

  it('is the one of now: Kubernetes renews the files', async () => {
    const account = new LocalServiceAccount(directory);
    for (const version of ['v1', 'v2', 'v3']) {
      await publish(version);
      const { ca, reviewer } = await account.apiServer(CONFIG);
      assert.deepEqual([ca, reviewer?.reveal()], [`ca.crt of ${version}\n`, `token of ${version}`]);
    }
    await rm(join(directory, '..data'));
    assert.deepEqual(await asked(), ['', undefined], 'the files are gone');
  });

  it('is nobody outside of a pod, and with an empty token', async () => {
    assert.deepEqual(await asked(), ['', undefined]);
    await writeFile(join(directory, 'token'), '');
    assert.deepEqual(await asked(), ['', undefined]);
  });

  it('is not passed over when its files cannot be read: another one would ask in its place', async () => {
    await mkdir(join(directory, 'token'));
    await assert.rejects(asked(), { code: 'failed', message: `${join(directory, 'token')} cannot be read: EISDIR` });
    assert.deepEqual(await asked({ tokenReviewerJwt: 'x' }), ['', 'x'], 'it is not needed');
    await mkdir(join(directory, 'ca.crt'));
    await assert.rejects(asked({ tokenReviewerJwt: 'x' }), { code: 'failed', message: /ca\.crt cannot be read/ });
  });

  it('is read no further than such files go', async () => {
    await writeFile(join(directory, 'token'), 'x'.repeat(256 * 1024));
    assert.equal((await asked())[1]?.length, 256 * 1024);
    await writeFile(join(directory, 'token'), 'x'.repeat(256 * 1024 + 1));
    await assert.rejects(asked(), { code: 'failed', message: /token has more than 262144 bytes/ });
    await rm(join(directory, 'token'));
    await symlink('/dev/zero', join(directory, 'token'));
    await assert.rejects(asked(), { code: 'failed', message: /token has more than 262144 bytes/ });
  });
});
