import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CannedAnswer, runCli, withServer } from './cli-fixture.ts';
import type { Environment } from './flags.ts';

const DENIED: CannedAnswer = { status: 403, body: { errors: ['permission denied'] } };
const NO_ROUTE: CannedAnswer = { status: 404, body: { errors: ['no handler for route "x". route entry not found.'] } };

/** The last line of stderr. */
async function told(answer: CannedAnswer, argv: readonly string[], env: Environment = {}, below = ''): Promise<string> {
  let line = '';
  await withServer(
    () => answer,
    async ({ address }) => {
      const { stderr, stdout } = await runCli(argv, { env: { VAULT_ADDR: `${address}${below}`, ...env } });
      assert.equal(stdout, '');
      line = stderr.trimEnd().split('\n').at(-1) ?? '';
    },
  );
  return line;
}

describe('a hint follows', () => {
  it('a refusal when no token was sent, and not when one was', async () => {
    const hint = 'No token was sent. Set VAULT_TOKEN, or run "vault login".';
    assert.equal(await told(DENIED, ['read', 'x']), hint);
    assert.equal(await told(DENIED, ['secrets', 'list']), hint);
    assert.equal(await told(DENIED, ['read', 'x'], { VAULT_TOKEN: 't' }), '* permission denied');
  });

  it('a login that is refused where there may be no auth method', async () => {
    const hint =
      'There may be no auth method at "people/". To list the enabled ones, an operator can run "vault auth list".';
    const login = ['login', '-method=userpass', '-path=people', 'username=a', 'password=b'];
    assert.equal(await told(DENIED, login), hint);
    assert.equal(await told(DENIED, ['write', 'auth/people/login', 'role_id=a'], { VAULT_TOKEN: 't' }), hint);
  });

  it('a path where nothing is enabled', async () => {
    const write = ['write', 'database/config/x', 'a=b'];
    const hint = 'Nothing is enabled at this path. See "vault secrets list" and "vault auth list".';
    assert.equal(await told(NO_ROUTE, write), hint);
    for (const argv of [
      ['read', 'x'],
      ['list', 'x'],
    ])
      assert.equal(await told(NO_ROUTE, argv), 'No value found at x', 'as Vault says it');
    assert.equal(await told({ status: 404, body: { errors: [] } }, ['read', 'kv/x']), 'No value found at kv/x');
    const kv = hint.replace('path. ', 'path. There is no key-value engine here. ');
    for (const argv of [
      ['read', 'secret/data/app'],
      ['write', 'kv/app', 'a=b'],
      ['list', 'team/metadata/'],
    ])
      assert.equal(await told(NO_ROUTE, argv), kv);
    assert.equal(
      await told(NO_ROUTE, write, {}, '/v1'),
      'Remove "/v1" from the end of the address: it is added automatically.',
    );
    assert.equal(await told({ status: 404, body: { errors: ['unsupported path'] } }, write), '* unsupported path');
  });

  it('an address that nobody set', async () => {
    // Whoever listens there would be asked in earnest: nobody may be there while this runs.
    const { stderr } = await runCli(['read', 'x']);
    if (!stderr.includes('connection refused')) return;
    assert.match(stderr, /\n\nVAULT_ADDR is not set, so this is the default address\. [^\n]+8200\.\n$/);
    const set = await runCli(['read', 'x'], { env: { VAULT_ADDR: 'https://127.0.0.1:8200' } });
    assert.match(set.stderr, /connection refused\n$/);
  });
});
