/** The auth method `cert`: clients log in with the certificates of their connections. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import type { ApiError, Client } from '@coffer/client';
import { createCertificateAuthority } from '@coffer/testkit';
import { vaultShell } from '../docs-shell.ts';
import { executedBlocks } from '../documentation.ts';
import { ana, bea, cleo, intermediate, people, servers, type Shown, strangers, withChain } from './cert-people.ts';
import { CertServer, NO_CHAIN, NO_MATCH, refused } from './cert-server.ts';

let server: CertServer;
let api: Client;
before(async () => {
  server = await CertServer.start();
  ({ api } = server);
});
after(() => server.close());
beforeEach(async () => void (await api.write('sys/auth/cert', { type: 'cert' })));
afterEach(async () => void (await api.delete('sys/auth/cert')));

const connect: CertServer['connect'] = (...given) => server.connect(...given);
const trust: CertServer['trust'] = (...given) => server.trust(...given);
const login: CertServer['login'] = (...given) => server.login(...given);
const loggedIn: CertServer['loggedIn'] = (...given) => server.loggedIn(...given);

describe('a login with a certificate', () => {
  it('succeeds for whom a trusted authority has issued one, and says so in the token', async () => {
    await trust('Web', { display_name: 'web', token_ttl: '1h', allowed_metadata_extensions: '1.3.6.1.4.1.99999.1' });
    const auth = await loggedIn(ana);
    assert.deepEqual(auth.token_policies, ['default']);
    const { subject_key_id: subject, authority_key_id: issuer, serial_number: serial, ...metadata } = auth.metadata;
    assert.deepEqual(metadata, {
      cert_name: 'web',
      common_name: 'ana.example.com',
      '1-3-6-1-4-1-99999-1': 'berlin-mitte',
    });
    assert.match(subject as string, /^[0-9a-f]{2}(:[0-9a-f]{2}){19}$/);
    assert.match(issuer as string, /^[0-9a-f]{2}(:[0-9a-f]{2}){19}$/);
    assert.equal(serial, BigInt(`0x${ana.serialNumber}`).toString());
    const self = (await connect(undefined, auth.client_token).read('auth/token/lookup-self'))?.data as JsonObject;
    assert.deepEqual([self['display_name'], self['path'], self['creation_ttl']], ['cert-web', 'auth/cert/login', 3600]);
  });

  it('is refused without TLS, without a certificate, and with one of anybody else', async () => {
    await trust('web');
    assert.equal(await login(ana, {}, 1), refused('tls connection required'));
    assert.equal(await login(), refused('client certificate must be supplied'));
    assert.equal(await login(ana, {}, 2), refused('client certificate must be supplied'));
    assert.equal(await login(await strangers.issue({ commonName: 'ana.example.com', client: true })), NO_CHAIN);
    const namesake = await createCertificateAuthority('People');
    assert.equal(await login(await namesake.issue({ commonName: 'ana.example.com', client: true })), NO_CHAIN);
    assert.equal(await login(await people.issue({ commonName: 'a.server' })), NO_CHAIN, 'it is for servers only');
    const past = { notBefore: new Date(Date.now() - 7_200_000), notAfter: new Date(Date.now() - 3_600_000) };
    assert.match(
      JSON.stringify(await login(await people.issue({ commonName: 'late', client: true, validity: past }))),
      /^"400 failed to verify client's certificate: x509: certificate has expired or is not yet valid/,
    );
    const log = server.log();
    assert.ok(log.split('login failed').length > 6 && !log.includes('BEGIN'));
  });

  it('takes the authorities in between from the client, and trusts them alone where they alone are trusted', async () => {
    await trust('web');
    assert.equal(await login(cleo), NO_CHAIN, 'nobody has shown who issued it');
    assert.equal((await loggedIn(withChain)).metadata['common_name'], 'cleo.example.com');
    await trust('web', {}, intermediate.certificatePem);
    assert.equal((await loggedIn(cleo)).metadata['common_name'], 'cleo.example.com');
    assert.equal(await login(ana), NO_CHAIN, 'another branch');
    // Not an authority, whatever it has signed.
    const forged = { ...cleo, certificatePem: cleo.certificatePem + bea.certificatePem };
    await trust('web');
    assert.equal(await login(forged), NO_CHAIN);
  });

  it('succeeds with the very certificate that is trusted, and with no copy of what it says', async () => {
    await trust('only-ana', {}, ana.certificatePem);
    assert.equal((await loggedIn(ana)).metadata['cert_name'], 'only-ana');
    assert.equal(await login(bea), NO_CHAIN);
    const again = await people.issue({ commonName: 'ana.example.com', client: true });
    assert.equal(await login(again), NO_CHAIN);
  });

  for (const [field, fits, fitsNot] of [
    ['allowed_names', '*@example.com', 'bob*'],
    ['allowed_common_names', 'x,ana.*', 'bea.*'],
    ['allowed_dns_sans', '*.example.com', '*.example.org'],
    ['allowed_email_sans', 'ana@example.com', 'bea@*'],
    ['allowed_uri_sans', 'spiffe://example.com/*', 'spiffe://example.org/*'],
    ['allowed_organizational_units', 'op*', 'dev'],
    ['required_extensions', '1.3.6.1.4.1.99999.1:berlin-*', '1.3.6.1.4.1.99999.1:paris'],
    ['required_extensions', 'hex:1.3.6.1.4.1.99999.1:0c0c*', '1.3.6.1.4.1.99999.2:*'],
  ] as const) {
    it(`is for those whom ${field} allows: ${fits}`, async () => {
      await trust('web', { [field]: fits });
      await loggedIn(ana);
      assert.equal(await login(bea), NO_MATCH);
      await trust('web', { [field]: fitsNot });
      assert.equal(await login(ana), NO_MATCH);
    });
  }

  it('is by the first entry that fits, or by the one that is named', async () => {
    await trust('a-ops', { allowed_organizational_units: 'ops', token_policies: 'ops' });
    await trust('b-all', { token_policies: 'all' });
    assert.deepEqual((await loggedIn(ana)).token_policies, ['default', 'ops']);
    assert.deepEqual((await loggedIn(bea)).token_policies, ['all', 'default']);
    assert.deepEqual((await loggedIn(ana, { name: 'B-All' })).token_policies, ['all', 'default']);
    assert.equal(await login(bea, { name: 'a-ops' }), NO_MATCH);
    assert.equal(await login(ana, { name: 'none' }), NO_CHAIN);
  });

  it('is counted for the entry that it is by, also where it names none', async () => {
    await trust('a-ops', { allowed_organizational_units: 'ops' });
    await trust('b-all');
    await api.write('sys/quotas/rate-limit/ops', { path: 'auth/cert', role: 'a-ops', rate: 1, interval: '1m' });
    await loggedIn(ana);
    assert.match(JSON.stringify(await login(ana)), /^"429 .*rate limit quota exceeded/);
    assert.match(JSON.stringify(await login(ana, { name: 'A-Ops' })), /^"429/);
    for (let round = 0; round < 2; round++) await loggedIn(bea);
    assert.equal(await login(), refused('client certificate must be supplied'));
    await api.delete('sys/quotas/rate-limit/ops');
  });

  it('is not for those on a revocation list, whoever of a chain it is', async () => {
    await trust('web');
    await api.write('auth/cert/crls/People', { crl: await people.revoke([ana]) });
    assert.equal(await login(ana), NO_MATCH);
    await loggedIn(bea);
    const listed = (await api.read('auth/cert/crls/people'))?.data as JsonObject;
    assert.deepEqual(listed, { cdp: null, serials: { [BigInt(`0x${ana.serialNumber}`).toString()]: {} } });
    assert.deepEqual((await api.list('auth/cert/crls'))?.data, { keys: ['people'] });
    await trust('only-ana', {}, ana.certificatePem);
    assert.equal(await login(ana, { name: 'only-ana' }), NO_CHAIN);
    await api.delete('auth/cert/crls/people');
    await loggedIn(ana);
    await api.write('auth/cert/crls/nobody', { crl: await people.revoke([]) });
    await loggedIn(ana);
    for (const body of [{ crl: 'x' }, { crl: ana.certificatePem }, { url: 'http://x' }, {}] as JsonObject[]) {
      await assert.rejects(api.write('auth/cert/crls/a', body), { status: 400 });
    }
    await assert.rejects(api.delete('auth/cert/crls/a'), /no such CRL a/);
  });

  it('is bound to networks', async () => {
    await trust('web', { token_bound_cidrs: '203.0.113.0/24' });
    assert.equal(await login(ana), '403 login request originated from invalid CIDR');
    const proxy = { 'X-Forwarded-For': '203.0.113.7', 'X-Client-Cert': encodeURIComponent(ana.certificatePem) };
    assert.equal((await loggedIn(undefined, {}, 3, proxy)).metadata['common_name'], 'ana.example.com');
    assert.equal(
      await login(undefined, {}, 3, { 'X-Forwarded-For': '203.0.113.7' }),
      refused('client certificate must be supplied'),
    );
    assert.match(
      JSON.stringify(await login(undefined, {}, 3, { ...proxy, 'X-Client-Cert': 'x' })),
      /^"400 failed to parse the client certificate/,
    );
    assert.equal(
      await login(undefined, {}, 1, proxy),
      refused('tls connection required'),
      'nobody’s word is taken there',
    );
  });
});

describe('docs/auth.md, certificates', () => {
  it('does what it says', async () => {
    await api.delete('sys/auth/cert');
    await writeFile(join(server.directory, 'people.pem'), people.certificatePem);
    await writeFile(join(server.directory, 'ana.pem'), ana.certificatePem);
    await writeFile(join(server.directory, 'ana.key'), ana.privateKeyPem);
    await writeFile(join(server.directory, 'servers.pem'), servers.certificatePem);
    const [block] = executedBlocks('docs/auth.md', import.meta.filename);
    const stdout = await vaultShell(`cd ${server.directory}\n${block?.text ?? ''}`, {
      address: server.address,
      token: server.root,
      env: { VAULT_CACERT: join(server.directory, 'servers.pem') },
    });
    assert.match(stdout, /token_meta_cert_name +web/);
    assert.match(stdout, /token_meta_common_name +ana\.example\.com/);
    assert.match(stdout, /token_policies +\["app" "default"\]/);
  });
});

describe('a token of a certificate', () => {
  const renewed = async (token: string, shown?: Shown) => {
    try {
      await connect(shown, token).write('auth/token/renew-self', {});
      return 'renewed';
    } catch (thrown) {
      return (thrown as ApiError).errors.join();
    }
  };
  const OTHER = 'client identity during renewal not matching client identity used during login';

  it('is renewed with the certificate of its login, or with one for the same key', async () => {
    await trust('web', { token_ttl: '1h' });
    const { client_token: token } = await loggedIn(ana);
    assert.equal(await renewed(token, ana), 'renewed');
    const again = await people.issue({ commonName: 'ana.example.com', client: true, keys: ana.keys });
    assert.equal(await renewed(token, again), 'renewed');
    assert.equal(await renewed(token, bea), OTHER);
    assert.equal(await renewed(token), 'client certificate must be supplied');
    await api.write('auth/cert/crls/people', { crl: await people.revoke([bea, ana], new Date(Date.now() + 1000)) });
    assert.match(await renewed(token, ana), /no chain matching all constraints/);
    await api.write('auth/cert/config', { disable_binding: true });
    assert.equal(await renewed(token), 'renewed');
    assert.deepEqual((await api.read('auth/cert/config'))?.data, {
      disable_binding: true,
      enable_identity_alias_metadata: false,
    });
    await trust('web', { token_policies: 'other' });
    assert.equal(await renewed(token, bea), 'policies have changed, not renewing');
    await api.delete('auth/cert/certs/web');
    assert.equal(await renewed(token, bea), 'certificate entry no longer exists, not renewing');
  });
});
