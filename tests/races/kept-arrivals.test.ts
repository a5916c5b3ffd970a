/** What was taken from a token, or from whomever it stands for, is seen by its very next request, whatever is kept of it. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { eventually } from '@coffer/testkit';
import { type Answer, textOf } from '../auth/api.ts';
import { newToken } from './race-server.ts';
import { ARRIVAL, assertRefused, DENIED, type Refusal, type Sent, TOKEN_RENEWAL, withEachStorage } from './races.ts';

/** May be read by whoever has the policy `look`. */
const LOOKED_AT = 'sys/policies/acl/look';
const NOTHING = 'path "nothing" { capabilities = ["read"] }';
const LOOK = `path "${LOOKED_AT}" { capabilities = ["read"] }`;

withEachStorage((races) => {
  const look = (token: string): Sent => ['GET', LOOKED_AT, undefined, { token }];
  const served = (token: string): Promise<Answer> => races.api.ok(...look(token));
  /** One whose policy allows {@link look}, and that was here before. */
  const warmToken = async (body: object = {}): Promise<string> => {
    await races.api.ok('PUT', LOOKED_AT, { policy: LOOK });
    const token = await newToken(races.api, { policies: ['app', 'look'], ...body });
    await served(token);
    return token;
  };
  const logIn = async (): Promise<string> => {
    await races.api.ok('PUT', LOOKED_AT, { policy: LOOK });
    await races.post('auth/userpass/users/eve', { password: 'training', token_policies: 'look' });
    const { auth } = await races.post('auth/userpass/login/eve', { password: 'training' }, '');
    return textOf(auth['client_token']);
  };

  it('a warm request asks the store nothing before it is served, if nobody else can write into it', async () => {
    const token = await warmToken();
    const { store } = races.server;
    const hold = store.hold(ARRIVAL);
    const answer = served(token).then(() => 'served');
    assert.equal(await Promise.race([hold.reached.then(() => 'asks'), answer]), races.kind.shared ? 'asks' : 'served');
    hold.release();
    await answer;
  });

  /** What is done to a token, and how its next request is refused. */
  const endings: readonly (readonly [string, (token: string) => Promise<unknown>, Refusal])[] = [
    ...races.endings.map(([name, end]) => [name, end, DENIED] as const),
    ['a new text of its policy', () => races.api.ok('PUT', LOOKED_AT, { policy: NOTHING }), DENIED],
    ['the end of its policy', () => races.api.ok('DELETE', LOOKED_AT), DENIED],
  ];
  for (const [name, end, refusal] of endings) {
    it(`${name} is seen by the next request`, async () => {
      const token = await warmToken();
      await end(token);
      assertRefused(await races.api(...look(token)), refusal);
    });

    it(`${name} is seen by the next request after one whose token was read before, and kept afterwards`, async () => {
      const token = await warmToken();
      // Reads it anew in any case.
      await races.api.ok('PUT', 'sys/policies/acl/other', { policy: NOTHING });
      await races.heldAfter(ARRIVAL, look(token), () => end(token));
      for (let time = 0; time < 2; time++) assertRefused(await races.api(...look(token)), refusal);
    });
  }

  it('the end of its parent is seen by the next request', async () => {
    const parent = await newToken(races.api);
    await races.api.ok('PUT', LOOKED_AT, { policy: LOOK });
    const { auth } = await races.post('auth/token/create', {}, parent);
    const token = textOf(auth['client_token']);
    await races.api.lookup(token);
    await races.post('auth/token/revoke', { token: parent });
    assert.ok(!(await races.api.alive(token)));
  });

  it('what is done to its entity is seen by the next request', async () => {
    const token = await logIn();
    const entity = textOf((await races.api.lookup(token))['entity_id']);
    await served(token);
    for (const disabled of [true, false, true]) {
      await races.post(`identity/entity/id/${entity}`, { disabled });
      if (disabled) assertRefused(await races.api(...look(token)), DENIED);
      else await served(token);
    }
    await races.api.ok('DELETE', `identity/entity/id/${entity}`);
    assertRefused(await races.api(...look(token)), DENIED);
  });

  it('a renewal is seen by the next request, and by one whose token was read before', async () => {
    const token = await warmToken({ ttl: '1h' });
    const ttl = async (): Promise<number> => Number((await races.api.lookup(token))['ttl']);
    assert.ok((await ttl()) <= 3_600);
    const renew: Sent = ['POST', 'auth/token/renew-self', { increment: '2h' }, { token }];
    let before = 0;
    const renewed = await races.held(TOKEN_RENEWAL, renew, async () => (before = await ttl()));
    assert.ok(before <= 3_600);
    assert.equal(renewed.status, 200);
    assert.ok((await ttl()) > 7_000);
  });

  it('one that is used up, or whose time is over, is refused', async () => {
    const counted = await warmToken({ num_uses: 3 });
    await served(counted);
    await served(counted);
    assertRefused(await races.api(...look(counted)), DENIED);
    const short = await warmToken({ ttl: '2s' });
    await eventually(async () => !(await races.api.alive(short)), 'the end of the token');
    assertRefused(await races.api(...look(short)), DENIED);
  });

  // The last one: this seal opens with the next start.
  it('the seal is seen by the next request, also when a token was read before it was closed', async () => {
    const token = await warmToken();
    await races.api.ok('PUT', 'sys/policies/acl/other', { policy: NOTHING });
    const sealed: Refusal = [503, /sealed/i];
    let sealing: Promise<Answer> | undefined;
    await races.heldAfter(ARRIVAL, look(token), async () => {
      // Answered once nothing is under way.
      sealing = races.api('PUT', 'sys/seal');
      await eventually(async () => (await races.api('GET', 'sys/seal-status')).body['sealed'] === true, 'the seal');
      assertRefused(await races.api(...look(token)), sealed);
    });
    assert.equal((await sealing)?.status, 204);
    assertRefused(await races.api(...look(token)), sealed);
  });
});
