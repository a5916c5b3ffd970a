/** What a request makes after its client was told that it takes too long is taken back. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { silentLogger } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Barrier } from './barrier/barrier.ts';
import { Core } from './core.ts';
import { createKeyring } from './barrier/keyring.ts';
import { type IncomingRequest, definePath } from '@coffer/framework';
import { answerInTime } from './request-deadline.ts';
import { eventually } from '@coffer/testkit';
import { createRootToken } from './tokens/root-token.ts';
import { hourToken } from './tokens/token-fixture.ts';

describe('a request that takes too long', () => {
  let store: Store;
  let core: Core;
  let root: string;
  /** The answer is held back until this is called. */
  let release: () => void;
  let made: number;

  beforeEach(async () => {
    store = await openEmbeddedStore({ path: ':memory:' });
    made = 0;
    const held = new Promise<void>((resolve) => (release = resolve));
    core = new Core({ store, barrier: new Barrier(createKeyring()), builtinPlugins: [], logger: silentLogger });
    core.install({
      builtins: new Map([
        [
          'slow/',
          {
            type: 'slow',
            description: 'Takes its time.',
            factory: () => ({
              help: 'Takes its time.',
              close: () => Promise.resolve(),
              paths: [
                definePath({
                  pattern: 'token',
                  fields: {},
                  synopsis: 'Makes a token.',
                  write: async () => {
                    await held;
                    const { token, entry } = await core.services.tokens.create(
                      hourToken({ displayName: 'slow', path: 'slow/token', renewable: false }),
                    );
                    made++;
                    return { auth: { client_token: token.reveal(), accessor: entry.accessor } };
                  },
                }),
              ],
            }),
          },
        ],
      ]),
    });
    await core.start();
    root = (await createRootToken(core.services.tokens)).reveal();
  });
  afterEach(async () => {
    await core.stop();
    await store.close();
  });

  const ask = (more: Partial<IncomingRequest> = {}) => {
    const request: IncomingRequest = {
      id: randomUUID(),
      operation: 'update',
      path: 'slow/token',
      token: root,
      data: {},
      remoteAddress: '127.0.0.1',
      ...more,
    };
    return answerInTime(request, () => core.handle(request));
  };

  async function untilOneTokenIsLeft(): Promise<void> {
    await eventually(() => made === 1, 'the token is made');
    await eventually(async () => (await core.services.tokens.accessors()).length === 1, 'the token is taken back');
  }

  for (const wrapTtl of [0, 60]) {
    it(`leaves no token that nobody has (${wrapTtl === 0 ? 'in the open' : 'wrapped'})`, async () => {
      await assert.rejects(ask({ maxDurationMs: 20, wrapTtl }), {
        code: 'failed',
        message:
          '1 error occurred:\n\t* context deadline exceeded: no answer in 0.02 s (default_max_request_duration)\n\n',
      });
      release();
      await untilOneTokenIsLeft();
    });
  }

  it('is not waited for when its client has gone', async () => {
    const client = new AbortController();
    const answer = ask({ gone: client.signal });
    client.abort();
    await assert.rejects(answer, { code: 'failed', message: /context canceled: the client disconnected/ });
    release();
    await untilOneTokenIsLeft();
  });

  it('is answered as ever when it comes in time', async () => {
    release();
    const answer = await ask({ maxDurationMs: 60_000 });
    assert.equal(typeof answer?.auth?.['client_token'], 'string');
    assert.equal((await core.services.tokens.accessors()).length, 2);
  });
});
