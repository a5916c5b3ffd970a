/** Logins of workloads and people on two nodes: what one of them was told or has begun, the other one knows. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { type Answer, type Api, textOf } from '../auth/api.ts';
import { CLIENT, TestIssuer } from '../auth/issuer.ts';
import { newKey, publicPem, seconds, signJwt } from '../auth/signed-jwt.ts';
import { type Pair, startPair } from './nodes.ts';

const REDIRECT = 'http://localhost:8250/oidc/callback';
const NONCE = 'of the client';
const [first, second] = [newKey(), newKey()];

let pair: Pair;
let issuer: TestIssuer;
before(async () => {
  pair = await startPair();
  issuer = await TestIssuer.start();
  await pair.one.ok('PUT', 'sys/policies/acl/app', { policy: 'path "app" { capabilities = ["read"] }' });
  for (const type of ['jwt', 'oidc', 'kubernetes']) await pair.one.ok('POST', `sys/auth/${type}`, { type });
});
after(async () => {
  await issuer.close();
  await pair.stop();
});

describe('a login with a token, on the node that was told nothing', () => {
  const account = { 'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'web', uid: 'uid-of-web' } } };
  const claims: JsonObject = { sub: 'build', aud: 'coffer', exp: seconds(3600), iat: seconds(), ...account };
  const login = (api: Api, type: string, key = first): Promise<Answer> =>
    api('POST', `auth/${type}/login`, { role: 'app', jwt: signJwt(key, claims) }, { token: '' });

  for (const [type, keys, role] of [
    ['jwt', 'jwt_validation_pubkeys', { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'coffer' }],
    [
      'kubernetes',
      'pem_keys',
      { bound_service_account_names: 'web', bound_service_account_namespaces: 'shop', audience: 'coffer' },
    ],
  ] as const) {
    it(`is by the configuration and the role of now: ${type}`, async () => {
      for (const [here, there] of [[pair.one, pair.other] as const, [pair.other, pair.one] as const]) {
        await here.ok('POST', `auth/${type}/config`, { [keys]: publicPem(first) });
        await here.ok('POST', `auth/${type}/role/app`, { ...role, token_ttl: '1h', token_policies: 'app' });
        const made = await login(there, type);
        assert.deepEqual([made.status, made.auth['lease_duration']], [200, 3600], made.error);
        await here.ok('POST', `auth/${type}/role/app`, { token_ttl: '2h' });
        assert.equal((await login(there, type)).auth['lease_duration'], 7200);
        await here.ok('POST', `auth/${type}/config`, { [keys]: publicPem(second) });
        assert.ok((await login(there, type)).status >= 400, 'the first key counts no more');
        assert.equal((await login(there, type, second)).status, 200);
        await here.ok('DELETE', `auth/${type}/role/app`);
        assert.equal((await login(there, type, second)).status, 400);
        assert.equal((await there('POST', 'auth/token/renew-self', {}, tokenOf(made))).status, 400);
      }
    });
  }

  const tokenOf = ({ auth }: Answer) => ({ token: textOf(auth['client_token']) });
});

describe('a login in a browser that two nodes have a part in', () => {
  before(async () => {
    await pair.one.ok('POST', 'auth/oidc/config', {
      oidc_discovery_url: issuer.url,
      oidc_discovery_ca_pem: issuer.ca,
      oidc_client_id: CLIENT.id,
      oidc_client_secret: CLIENT.secret,
    });
    const role = { user_claim: 'sub', token_policies: 'app', allowed_redirect_uris: REDIRECT };
    await pair.one.ok('POST', 'auth/oidc/role/people', role);
  });

  /** Where the provider sends somebody who has begun at this node. */
  async function atProvider(api: Api): Promise<Readonly<Record<string, string>>> {
    const asked = { role: 'people', redirect_uri: REDIRECT, client_nonce: NONCE };
    const { data } = await api.ok('POST', 'auth/oidc/oidc/auth_url', asked, { token: '' });
    const request = get(textOf(data['auth_url']), { ca: issuer.ca, agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    const { searchParams } = new URL(response.headers.location ?? assert.fail());
    return { ...Object.fromEntries(searchParams), client_nonce: NONCE };
  }
  const callback = (api: Api, parameters: Readonly<Record<string, string>>): Promise<Answer> =>
    api('GET', `auth/oidc/oidc/callback?${new URLSearchParams(parameters).toString()}`, undefined, { token: '' });

  it('may begin at both for the first time at once, and end where it did not begin', async () => {
    const begun = await Promise.all([pair.one, pair.other, pair.one, pair.other].map(atProvider));
    const ends = [pair.other, pair.one, pair.one, pair.other];
    const answers = await Promise.all(begun.map((each, index) => callback(ends[index] ?? pair.one, each)));
    for (const { status, error, auth } of answers) {
      assert.equal(status, 200, error);
      assert.deepEqual(auth['metadata'], { role: 'people' });
    }
  });

  it('gives one token, whichever of them is asked', async () => {
    const parameters = await atProvider(pair.one);
    const answers = await Promise.all([pair.one, pair.other].map((api) => callback(api, parameters)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400]);
    for (const api of [pair.one, pair.other]) {
      assert.equal((await callback(api, parameters)).error, 'Vault login failed. Expired or missing OAuth state.');
    }
  });

  it('is of the client that has begun it, and of the role as it is in the end', async () => {
    const stolen = { ...(await atProvider(pair.one)), client_nonce: 'of another' };
    assert.equal((await callback(pair.other, stolen)).error, 'invalid client_nonce');
    const begun = await atProvider(pair.one);
    await pair.one.ok('DELETE', 'auth/oidc/role/people');
    assert.equal((await callback(pair.other, begun)).error, 'Vault login failed. Role could not be found');
  });
});
