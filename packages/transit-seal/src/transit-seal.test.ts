import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { CofferError, createLogger, formatLogLine, Secret } from '@coffer/base';
import type { AutoSeal, SealConfig } from '@coffer/core';
import { createCertificateAuthority, eventually, TransitStandIn } from '@coffer/testkit';
import { createTransitSeal, type TransitSealOptions } from './index.ts';

const authority = await createCertificateAuthority();
const issued = await authority.issue({ commonName: 'transit', dnsNames: ['transit.test'] });
const TOKEN = 'hvs.transit-token-that-nobody-sees';
const COUNTS = { type: 'transit', shares: 1, threshold: 1 } as const;

describe('a transit seal', () => {
  let server: TransitStandIn;
  let lines: string[];
  const made = new Set<AutoSeal>();
  beforeEach(async () => {
    lines = [];
    const tls = { cert: issued.certificatePem, key: issued.privateKeyPem };
    server = await TransitStandIn.start({ tls, token: TOKEN });
  });
  afterEach(async () => {
    for (const seal of made) seal.forget();
    made.clear();
    await server.close();
  });

  function seal(changes: Partial<TransitSealOptions> = {}): AutoSeal {
    const created = createTransitSeal({
      address: `https://127.0.0.1:${server.port}`,
      token: new Secret(TOKEN),
      mountPath: 'transit',
      keyName: 'unseal',
      caCert: authority.certificatePem,
      tlsServerName: 'transit.test',
      logger: createLogger('', 'debug', (entry) => lines.push(formatLogLine(entry))),
      ...changes,
    });
    made.add(created);
    return created;
  }

  async function sealed(by: AutoSeal): Promise<{ readonly config: SealConfig; readonly key: Uint8Array }> {
    const { key, keyId, wrappedKey = '' } = await by.sealingKey();
    return { config: { ...COUNTS, keyId, wrappedKey }, key };
  }

  it('has a new key each time, which only the other server opens, and which is never sent twice', async () => {
    const by = seal({ namespace: 'team', keyIdPrefix: 'eu-' });
    const [one, two] = [await sealed(by), await sealed(by)];
    assert.notDeepEqual(one.key, two.key);
    assert.equal(one.key.length, 32);
    assert.equal(one.config.keyId, 'eu-unseal:v1');
    assert.match(one.config.wrappedKey ?? '', /^vault:v1:/);
    assert.ok(Buffer.from(one.key).equals(await seal().keyOf(one.config)));
    assert.deepEqual(server.asked[0]?.namespace, 'team');
    assert.equal(server.asked[0]?.path, 'transit/encrypt/unseal');
    server.rotate();
    assert.equal((await sealed(by)).config.keyId, 'eu-unseal:v2');
    assert.ok(Buffer.from(two.key).equals(await by.keyOf(two.config)));
    assert.throws(() => by.requireSealOf({ ...COUNTS, keyId: 'a' }), /no wrapped key/);
    by.forget();
    await assert.rejects(by.keyOf(one.config), { code: 'sealed' });
  });

  it('tells what passes from what does not', async () => {
    const { config } = await sealed(seal());
    const cases: readonly (readonly [string, Partial<TransitSealOptions>, 'failed' | 'unavailable', RegExp])[] = [
      [
        'another token',
        { token: new Secret('other') },
        'failed',
        /transit\/decrypt\/unseal at https:.*: 403 permission denied$/,
      ],
      ['no such key', { keyName: 'other' }, 'failed', /400 encryption key not found$/],
      ['no such mount', { mountPath: 'elsewhere' }, 'failed', /404 no handler for route/],
      ['an unknown authority', { caCert: issued.certificatePem }, 'unavailable', /unknown authority|certificate/],
      ['another name', { tlsServerName: 'other.test' }, 'unavailable', /does not match certificate/],
      ['nobody there', { address: 'https://127.0.0.1:1' }, 'unavailable', /connection refused$/],
    ];
    for (const [name, changes, code, message] of cases) {
      await assert.rejects(seal(changes).keyOf(config), { code, message }, name);
    }
    const answers: readonly (readonly [readonly [number, unknown], 'failed' | 'unavailable', RegExp])[] = [
      [[503, { errors: ['Vault is sealed'] }], 'unavailable', /503 Vault is sealed$/],
      [[429, { errors: ['slow down'] }], 'unavailable', /429 slow down$/],
      [[500, { errors: ['internal error'] }], 'unavailable', /500 internal error$/],
      [[200, { data: { plaintext: 'AAAA' } }], 'failed', /is not that of a transit engine$/],
      [[200, '<html>'], 'failed', /is not that of a transit engine$/],
      [[200, ' '.repeat(1_000_000)], 'unavailable', /the response is too large$/],
      [[400, { errors: [`${'x'.repeat(1000)}\n`] }], 'failed', /^.{100,500}$/],
    ];
    for (const [answer, code, message] of answers) {
      server.answer = () => answer;
      await assert.rejects(seal().keyOf(config), { code, message });
    }
    server.answer = undefined;
    server.minDecryptionVersion = 2;
    await assert.rejects(seal().keyOf(config), { code: 'failed', message: /disallowed by policy \(too old\)$/ });
    for (const ciphertext of ['', 'vault:v1', 'nothing', 7, 'a:b:c:d', `vault:v1:${'A'.repeat(100_000)}`]) {
      server.answer = () => [200, { data: { ciphertext } }];
      await assert.rejects(seal().sealingKey(), CofferError);
    }
  });

  it('shows neither token nor key, whatever the other server says', async () => {
    server.answer = ({ token, body }) => [400, { errors: [`you said ${token} and ${body['plaintext']}\u001b[2J`] }];
    const error = await seal()
      .sealingKey()
      .catch((thrown: unknown) => thrown);
    const shown = inspect(error, { depth: 9 });
    const plaintext = server.asked[0]?.body['plaintext'] ?? '';
    assert.ok(plaintext.length === 44);
    assert.match(shown, /you said \[password\] and \[password\] \[2J/);
    for (const secret of [TOKEN, plaintext]) {
      assert.ok(![shown, inspect(seal(), { depth: 9 }), lines.join('')].some((text) => text.includes(secret)));
    }
  });

  it('does not wait for ever', async () => {
    server.answer = () => 'hang';
    await assert.rejects(seal().sealingKey(), { code: 'unavailable', message: /context deadline exceeded$/ });
  });

  const renewals = (): number => server.asked.filter(({ path }) => path === 'auth/token/renew-self').length;

  it('renews its token, tries again when that fails, and stops when it is forgotten', async () => {
    const by = seal();
    server.answer = ({ path }) => (path.startsWith('auth/') ? [503, { errors: ['Vault is sealed'] }] : undefined);
    await by.sealingKey();
    await by.sealingKey();
    await eventually(() => renewals() >= 2, 'it is tried again');
    assert.match(lines.join(''), /failed to renew the token of the seal; trying again/);
    server.answer = undefined;
    const before = renewals();
    await eventually(() => renewals() > before, 'and again');
    by.forget();
    const last = renewals();
    await new Promise((done) => setTimeout(done, 100));
    assert.equal(renewals(), last);
  });

  it('goes on where its token cannot be renewed, or is not to be', async () => {
    server.period = 0;
    await seal().sealingKey();
    await eventually(() => lines.join('').includes('cannot be renewed; Coffer will not retry'), 'it says so');
    const before = renewals();
    await seal({ disableRenewal: true }).sealingKey();
    await new Promise((done) => setTimeout(done, 100));
    assert.equal(renewals(), before);
  });
});
