/** The entries of the auth method `cert`: what they may hold, and what they are refused for. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import type { Client } from '@coffer/client';
import { identity, people } from './cert-people.ts';
import { CertServer } from './cert-server.ts';

let server: CertServer;
let api: Client;
before(async () => {
  server = await CertServer.start();
  ({ api } = server);
  await api.write('sys/auth/cert', { type: 'cert' });
});
after(() => server.close());

const trust: CertServer['trust'] = (...given) => server.trust(...given);

describe('an entry', () => {
  it('shows what it was given, and keeps what is not given again', async () => {
    await trust('Web', { allowed_common_names: 'a, b', policies: 'app', ttl: 60, bound_cidrs: '10.0.0.0/8' });
    await api.write('auth/cert/certs/web', { display_name: 'other' });
    const found = (await api.read('auth/cert/certs/WEB'))?.data as JsonObject;
    assert.equal(found['certificate'], people.certificatePem);
    assert.deepEqual(
      [
        found['display_name'],
        found['allowed_common_names'],
        found['token_policies'],
        found['token_ttl'],
        found['ocsp_enabled'],
      ],
      ['other', ['a', 'b'], ['default'], 60, false],
    );
    assert.deepEqual([found['ttl'], found['bound_cidrs'], found['policies']], [60, ['10.0.0.0/8'], ['default']]);
    assert.deepEqual(found['token_bound_cidrs'], ['10.0.0.0/8']);
    const cut = await api.write('auth/cert/certs/web', { period: '769h', lease: '768h' });
    assert.match(String(cut?.warnings), /^period of "769h0m0s" is greater than the backend's maximum lease TTL/);
    assert.deepEqual((await api.list('auth/cert/certs'))?.data, { keys: ['web'] });
    assert.equal(await api.read('auth/cert/certs/none'), undefined);
  });

  it('is refused when nobody could log in with it', async () => {
    const isRefused = (body: JsonObject, message: RegExp) =>
      assert.rejects(api.write('auth/cert/certs/x', body), message);
    await isRefused({}, /failed to parse certificate/);
    await isRefused({ certificate: 'x' }, /failed to parse certificate/);
    await isRefused(
      { certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
      /failed to parse certificate/,
    );
    await isRefused(
      { certificate: identity.certificatePem },
      /nonCA certificates should have TLS client authentication set/,
    );
    await isRefused({ certificate: people.certificatePem, ocsp_enabled: true }, /"ocsp_enabled" is not supported/);
    await isRefused(
      { certificate: people.certificatePem, required_extensions: 'x' },
      /"required_extensions" must contain/,
    );
    await isRefused({ certificate: people.certificatePem.repeat(65) }, /more than 64 certificates/);
  });
});
