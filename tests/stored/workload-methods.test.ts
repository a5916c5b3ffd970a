/** What the auth methods for workloads store: it is there after a restart, and a row that is damaged is named. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { createCertificateAuthority } from '@coffer/testkit';
import { CLIENT, TestIssuer } from '../auth/issuer.ts';
import { newKey, publicPem, seconds, signJwt } from '../auth/signed-jwt.ts';
import { kindOf, WORKLOAD_KINDS } from './kinds.ts';
import { textOf } from './store-file.ts';
import { refusal, StoredHome, type StoredServer } from './stored-server.ts';

const VERSION = '0.1.0';
const SECRET = 's3cret';
const REDIRECT = 'http://localhost:8250/oidc/callback';
const key = newKey();
const TOKENS = { token_policies: ['app'], token_ttl: 600, token_bound_cidrs: ['127.0.0.0/8'], token_num_uses: 9 };

describe('what the methods for workloads have stored', () => {
  let home: StoredHome;
  let server: StoredServer;
  let issuer: TestIssuer;
  let written: Readonly<Record<string, JsonObject>>;
  /** Of a login that has led to a token, and of one that has not. */
  let [spent, begun]: readonly string[] = [];

  before(async () => {
    issuer = await TestIssuer.start();
    home = await StoredHome.make(VERSION);
    server = await home.start();
    for (const type of ['jwt', 'oidc', 'kubernetes', 'cert']) await server.client.write(`sys/auth/${type}`, { type });
    written = await settings(issuer);
    for (const [path, body] of Object.entries(written)) await server.client.write(path, body);
    [spent, begun] = [await atProvider(), await atProvider()];
    assert.ok(await callback(spent));
    await server.client.write('auth/jwt/config', { ...providerOf(issuer), default_role: 'app' });
    await server.client.write('auth/jwt/oidc/auth_url', { role: 'people', redirect_uri: REDIRECT });
    await server.client.write('auth/jwt/config', written['auth/jwt/config']);
    await server.close();
    server = await home.start();
  });
  after(async () => {
    await home.remove();
    await issuer.close();
  });

  const login = (type: string, claims: JsonObject) =>
    server.client.write(`auth/${type}/login`, {
      role: 'app',
      jwt: signJwt(key, { aud: 'coffer', exp: seconds(300), iat: seconds(), ...claims }),
    });
  const ACCOUNT = { 'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'web', uid: 'uid-of-web' } } };
  const callback = (query: string) =>
    server.client.read('auth/oidc/oidc/callback', Object.fromEntries(new URLSearchParams(query)));
  async function atProvider(): Promise<string> {
    const asked = { role: 'people', redirect_uri: REDIRECT };
    const answer = await server.client.write('auth/oidc/oidc/auth_url', asked);
    const request = get(textOf(answer?.data ?? {}, 'auth_url'), { ca: issuer.ca, agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    return new URL(response.headers.location ?? assert.fail()).search;
  }

  it('is shown after a restart as it was written', async () => {
    for (const [path, body] of Object.entries(written)) {
      const { crl, token_reviewer_jwt } = body;
      const open = Object.entries(body).filter(
        ([name]) => !['crl', 'token_reviewer_jwt', 'oidc_client_secret'].includes(name),
      );
      const shown = (await server.client.read(path))?.data ?? assert.fail(path);
      assert.partialDeepStrictEqual(shown, Object.fromEntries(open), path);
      if (crl !== undefined) assert.equal(Object.keys((shown['serials'] ?? {}) as JsonObject).length, 1);
      if (token_reviewer_jwt !== undefined) assert.equal(shown['token_reviewer_jwt_set'], true);
      assert.ok(!JSON.stringify(shown).includes(CLIENT.secret));
    }
  });

  it('lets in after a restart whom it let in before, and a login that was begun before comes to its end', async () => {
    assert.deepEqual((await login('jwt', { sub: 'build', a: { b: 'x' }, env: 'prod' }))?.auth?.metadata, {
      role: 'app',
      ab: 'x',
    });
    assert.equal((await login('kubernetes', ACCOUNT))?.auth?.metadata?.['service_account_name'], 'web');
    assert.match(await refusal(callback(spent ?? '')), /Expired or missing OAuth state/);
    assert.deepEqual((await callback(begun ?? ''))?.auth?.metadata, { role: 'people' });
  });

  it('is of every kind that they have', async () => {
    await server.close();
    home.change((file) => {
      const rows = file.rows();
      const typeOf = new Map(
        rows
          .filter(({ table }) => table === 'mounts')
          .map(({ value }) => [textOf(value, 'uuid'), textOf(value, 'type')]),
      );
      const kinds = new Set(rows.filter(({ table }) => table === 'entries').map((row) => kindOf(row, typeOf)));
      assert.deepEqual([...kinds].filter((kind) => / (jwt|oidc|kubernetes|cert) /.test(kind)).sort(), WORKLOAD_KINDS);
    });
    server = await home.start();
  });

  it('is named with its field where it is damaged, without the value, and spoils nothing else', async () => {
    await server.close();
    home.change((file) => {
      const mountOf = (type: string): string =>
        textOf(
          file.rows().find(({ table, value }) => table === 'mounts' && value['type'] === type)?.value ?? {},
          'uuid',
        );
      const damage = (type: string, name: string, fields: JsonObject): void =>
        file.change(`entries/${mountOf(type)}/${name}`, fields);
      damage('jwt', 'config', { publicKeys: SECRET });
      damage('jwt', 'role/app', { boundClaims: [SECRET] });
      damage('oidc', 'role/people', { type: SECRET });
      damage('oidc', 'oidc/state-key', { key: [SECRET] });
      damage('kubernetes', 'config', { disableIssValidation: SECRET });
      damage('kubernetes', 'role/app', { aliasNameSource: SECRET });
      damage('cert', 'config', { disableBinding: SECRET });
      damage('cert', 'certs/web', { allowedNames: SECRET });
      damage('cert', 'crls/people', { serials: SECRET });
    });
    server = await home.start();
    const { client } = server;
    const oidc = { role: 'people', redirect_uri: REDIRECT };
    for (const [ask, said] of [
      [() => client.read('auth/jwt/config'), /config .*"publicKeys" is not a list/],
      [() => login('jwt', {}), /config .*"publicKeys" is not a list/],
      [() => client.read('auth/jwt/role/app'), /role\/app .*"boundClaims" is not an object/],
      [() => client.read('auth/oidc/role/people'), /role\/people .*"type" is not one of jwt, oidc/],
      [() => client.write('auth/oidc/oidc/auth_url', oidc), /role\/people .*"type" is not one of jwt, oidc/],
      [() => callback(begun ?? ''), /oidc\/state-key .*"key" is not a string/],
      [() => client.read('auth/kubernetes/config'), /config .*"disableIssValidation" is not true or false/],
      [() => login('kubernetes', ACCOUNT), /role\/app .*"aliasNameSource" is not one of/],
      [() => client.read('auth/cert/config'), /config .*"disableBinding" is not true or false/],
      [() => client.read('auth/cert/certs/web'), /certs\/web .*"allowedNames" is not a list/],
      [() => client.read('auth/cert/crls/people'), /crls\/people .*"serials" is not a list/],
    ] as const) {
      const text = await refusal(ask());
      assert.match(text, said);
      assert.match(text, /is damaged/);
      assert.ok(!text.includes(SECRET), text);
    }
    for (const path of ['auth/jwt/role/app', 'auth/kubernetes/role/app', 'auth/cert/certs/web']) {
      assert.match(
        await refusal(client.write(path, written[path])),
        /is damaged.*; if this .* delete it and write it again/,
      );
    }
    for (const [path, body] of [
      ['auth/jwt/config', written['auth/jwt/config']],
      ['auth/cert/config', { disable_binding: true }],
    ] as const) {
      const [warning, ...more] = (await client.write(path, body))?.warnings ?? [];
      assert.match(warning ?? '', /the previous value is lost.*config is damaged/);
      assert.deepEqual(more, []);
      assert.equal((await client.write(path, body))?.warnings, undefined);
    }
    assert.deepEqual((await client.read('auth/cert/config'))?.data, {
      disable_binding: true,
      enable_identity_alias_metadata: false,
    });
    assert.ok(!server.log().includes(SECRET));
    assert.deepEqual((await client.list('auth/cert/certs'))?.data?.['keys'], ['other', 'web']);
    assert.ok(await client.read('auth/cert/certs/other'));
    for (const path of ['auth/jwt/role/app', 'auth/kubernetes/role/app', 'auth/cert/certs/web']) {
      await client.delete(path);
      assert.equal(await client.read(path), undefined, path);
    }
    await client.write('auth/kubernetes/config', written['auth/kubernetes/config']);
    assert.ok(await client.read('auth/kubernetes/config'), 'what is written anew is whole');
  });
});

const providerOf = (issuer: TestIssuer): JsonObject => ({
  oidc_discovery_url: issuer.url,
  oidc_discovery_ca_pem: issuer.ca,
  oidc_client_id: CLIENT.id,
  oidc_client_secret: CLIENT.secret,
});

/** By path: something in every field. */
async function settings(issuer: TestIssuer): Promise<Readonly<Record<string, JsonObject>>> {
  const people = await createCertificateAuthority('People');
  const pem = publicPem(key);
  const leeways = { expiration_leeway: 60, not_before_leeway: -1, clock_skew_leeway: 30 };
  return {
    'auth/jwt/config': { jwt_validation_pubkeys: [pem], jwt_supported_algs: ['RS256'], default_role: 'app' },
    'auth/jwt/role/app': {
      ...{ role_type: 'jwt', user_claim: 'sub', bound_audiences: ['coffer'], bound_subject: 'build', ...leeways },
      ...{ bound_claims_type: 'glob', bound_claims: { env: ['pr*'] }, claim_mappings: { '/a/b': 'ab' }, ...TOKENS },
    },
    'auth/jwt/role/people': { user_claim: 'sub', allowed_redirect_uris: [REDIRECT] },
    'auth/oidc/config': { ...providerOf(issuer), namespace_in_state: false },
    'auth/oidc/role/people': {
      ...{ user_claim: 'sub', allowed_redirect_uris: [REDIRECT], oidc_scopes: ['email'], max_age: 300, ...TOKENS },
    },
    'auth/kubernetes/config': {
      ...{ pem_keys: [pem], kubernetes_ca_cert: issuer.ca, token_reviewer_jwt: 'a.b.c', issuer: 'x' },
      disable_local_ca_jwt: true,
    },
    'auth/kubernetes/role/app': {
      ...{ bound_service_account_names: ['web'], bound_service_account_namespaces: ['shop'], audience: 'coffer' },
      ...{ alias_name_source: 'serviceaccount_name', ...TOKENS },
    },
    'auth/cert/config': { disable_binding: true, enable_identity_alias_metadata: true },
    'auth/cert/certs/web': {
      ...{ certificate: people.certificatePem, display_name: 'w', allowed_names: ['a'], allowed_common_names: ['b'] },
      ...{ allowed_dns_sans: ['c'], allowed_email_sans: ['d'], allowed_uri_sans: ['e'], ...TOKENS },
      ...{
        allowed_organizational_units: ['f'],
        required_extensions: ['1.2.3:x'],
        allowed_metadata_extensions: ['1.2'],
      },
    },
    'auth/cert/certs/other': { certificate: people.certificatePem },
    'auth/cert/crls/people': { crl: await people.revoke([await people.issue({ commonName: 'x', client: true })]) },
  };
}
