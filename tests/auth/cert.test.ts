/** The auth method `cert`: clients log in with the certificates of their connections. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createLogger, formatLogLine, type JsonObject } from '@coffer/base';
import { ApiError, type Client, createClient } from '@coffer/client';
import { createCertificateAuthority } from '@coffer/testkit';
import { parseServerConfig } from '../../apps/coffer/src/config/server-config.ts';
import { type Server, startServer } from '../../apps/coffer/src/server.ts';
import { vaultShell } from '../docs-shell.ts';
import { executedBlocks } from '../documentation.ts';
import {
  ana,
  bea,
  cleo,
  identity,
  intermediate,
  people,
  servers,
  type Shown,
  strangers,
  withChain,
} from './cert-people.ts';

let directory: string;
let server: Server;
let root = '';
let api: Client;
let log = '';

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coffer-cert-'));
  await writeFile(join(directory, 'cert.pem'), identity.certificatePem);
  await writeFile(join(directory, 'key.pem'), identity.privateKeyPem);
  const files = `tls_cert_file = "${directory}/cert.pem"\n tls_key_file = "${directory}/key.pem"`;
  const config = `
    listener "tcp" {\n address = "127.0.0.1:0"\n ${files}\n}
    listener "tcp" {\n address = "127.0.0.1:0"\n tls_disable = true\n}
    listener "tcp" {\n address = "127.0.0.1:0"\n ${files}\n tls_disable_client_certs = true\n}
    listener "tcp" {
      address = "127.0.0.1:0"
      tls_disable = true
      x_forwarded_for_authorized_addrs = "127.0.0.1"
      x_forwarded_for_client_cert_header = "X-Client-Cert"
      x_forwarded_for_client_cert_header_decoders = "URL,DER"
    }
    storage "file" { path = "${directory}/data" }`;
  server = await startServer(
    parseServerConfig(config, 'c.hcl'),
    {},
    createLogger('', 'debug', (entry) => (log += formatLogLine(entry))),
  );
  const nobody = connect();
  const made = (await nobody.request('PUT', 'sys/init', { body: { secret_shares: 1, secret_threshold: 1 } }))
    .body as JsonObject;
  root = made['root_token'] as string;
  await nobody.request('PUT', 'sys/unseal', { body: { key: (made['keys'] as string[])[0] ?? '' } });
  api = connect(undefined, root);
});
after(async () => {
  await server.close(0);
  await rm(directory, { recursive: true, force: true });
});
beforeEach(async () => void (await api.write('sys/auth/cert', { type: 'cert' })));
afterEach(async () => void (await api.delete('sys/auth/cert')));

function connect(shown?: Shown, token?: string, listener = 0, headers: Record<string, string> = {}): Client {
  return createClient({
    address: server.addresses[listener] ?? '',
    caCert: servers.certificatePem,
    headers,
    ...(token !== undefined && { token }),
    ...(shown && { clientCert: shown.certificatePem, clientKey: shown.privateKeyPem }),
  });
}

const trust = (name: string, more: JsonObject = {}, certificate = people.certificatePem) =>
  api.write(`auth/cert/certs/${name}`, { certificate, token_policies: 'default', ...more });

/** The auth of a login, or what the refusal says. */
async function login(shown?: Shown, body: JsonObject = {}, listener = 0, headers: Record<string, string> = {}) {
  try {
    const answer = await connect(shown, undefined, listener, headers).request('PUT', 'auth/cert/login', { body });
    return (answer.body as { auth: { client_token: string; metadata: JsonObject; token_policies: string[] } }).auth;
  } catch (thrown) {
    if (!(thrown instanceof ApiError)) throw thrown;
    return `${thrown.status} ${thrown.errors.join()}`;
  }
}

const refused = (text: string): string => `400 ${text}`;
const NO_CHAIN = refused('invalid certificate or no client certificate supplied');
const NO_MATCH = refused('no chain matching all constraints could be found for this login certificate');

async function loggedIn(...given: Parameters<typeof login>) {
  const auth = await login(...given);
  assert.ok(typeof auth !== 'string', JSON.stringify(auth));
  return auth;
}

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
    await writeFile(join(directory, 'people.pem'), people.certificatePem);
    await writeFile(join(directory, 'ana.pem'), ana.certificatePem);
    await writeFile(join(directory, 'ana.key'), ana.privateKeyPem);
    await writeFile(join(directory, 'servers.pem'), servers.certificatePem);
    const [block] = executedBlocks('docs/auth.md', import.meta.filename);
    const stdout = await vaultShell(`cd ${directory}\n${block?.text ?? ''}`, {
      address: server.addresses[0] ?? '',
      token: root,
      env: { VAULT_CACERT: join(directory, 'servers.pem') },
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
    assert.deepEqual(found['token_bound_cidrs'], ['10.0.0.0/8']);
    assert.deepEqual((await api.list('auth/cert/certs'))?.data, { keys: ['web'] });
    assert.equal(await api.read('auth/cert/certs/none'), undefined);
  });

  it('is refused when nobody could log in by it', async () => {
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
      /"required_extensions" must hold/,
    );
    await isRefused({ certificate: people.certificatePem.repeat(65) }, /more than 64 certificates/);
  });
});
