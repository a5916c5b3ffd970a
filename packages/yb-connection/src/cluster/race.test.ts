import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Failure } from '../session/failure.ts';
import { type Candidate, firstOf } from './race.ts';
import type { Session } from '../session/session.ts';

interface Posed {
  readonly session: Session;
  closed: boolean;
}

function posed(): Posed {
  const result = { closed: false };
  const session = { close: async () => void (result.closed = true) } as unknown as Session;
  return Object.assign(result, { session });
}

const never = (): Promise<Session> => new Promise(() => undefined);
const failing = (kind: 'unreachable' | 'busy' | 'fatal') => () => Promise.reject(new Failure(kind, `it is ${kind}`));

/** Runs the candidates; says how many were tried, and what they failed with. */
async function race(dials: readonly Candidate['dial'][], patienceMs = 60_000, longestMs = 60_000) {
  let tried = 0;
  const failures: string[] = [];
  const candidates = dials.map((dial) => ({
    setAside: false,
    dial: (onSign: () => void) => {
      tried++;
      return dial(onSign);
    },
  }));
  const session = await firstOf(candidates.values(), { failures, patienceMs, longestMs });
  return { session, tried, failures };
}

describe('the first of several nodes', () => {
  it('is the one in front when it answers', async () => {
    const first = posed();
    const { session, tried } = await race([async () => first.session, never]);
    assert.equal(session, first.session);
    assert.equal(tried, 1);
  });
  it('is the next one when those before have failed', async () => {
    const third = posed();
    const { session, tried, failures } = await race([
      failing('unreachable'),
      failing('busy'),
      async () => third.session,
      never,
    ]);
    assert.equal(session, third.session);
    assert.equal(tried, 3);
    assert.deepEqual(failures, ['it is unreachable', 'it is busy']);
  });
  it('is the next one when those before say nothing', async () => {
    const third = posed();
    assert.equal((await race([never, never, async () => third.session])).session, third.session);
  });
  it('is waited for once it has given a sign', async () => {
    const slow = posed();
    const dial = async (onSign: () => void): Promise<Session> => {
      onSign();
      await new Promise((done) => setTimeout(done, 800));
      return slow.session;
    };
    const { session, tried } = await race([dial, never]);
    assert.equal(session, slow.session);
    assert.equal(tried, 1);
  });
  it('is the only one that is kept', async () => {
    const [late, early] = [posed(), posed()];
    const { promise, resolve } = Promise.withResolvers<Session>();
    const { session } = await race([() => promise, async () => early.session]);
    assert.equal(session, early.session);
    resolve(late.session);
    await new Promise(setImmediate);
    assert.deepEqual([late.closed, early.closed], [true, false]);
  });
  it('is none when all have failed', async () => {
    const { session, tried } = await race([failing('unreachable'), failing('busy')]);
    assert.equal(session, undefined);
    assert.equal(tried, 2);
  });
  it('is none when there are none', async () => {
    assert.equal((await race([])).session, undefined);
  });
  it('is not looked for when another one would answer the same', async () => {
    let tried = 0;
    const dial = () => {
      tried++;
      return never();
    };
    await assert.rejects(race([failing('fatal'), dial]), /it is fatal/);
    assert.equal(tried, 0);
  });
  it('is not looked for any further when patience is over', async () => {
    const dial = async (): Promise<Session> => {
      await new Promise((done) => setTimeout(done, 30));
      throw new Failure('unreachable', 'no');
    };
    const { session, tried } = await race(
      Array.from({ length: 50 }, () => dial),
      100,
    );
    assert.equal(session, undefined);
    assert.ok(tried < 10);
  });
  it('is not waited for any longer when all those that are tried take their time', async () => {
    const late = posed();
    const { promise, resolve } = Promise.withResolvers<Session>();
    const { session, failures } = await race([() => promise, never], 20, 50);
    assert.equal(session, undefined);
    assert.deepEqual(failures, ['no connection after 0.05 s']);
    resolve(late.session);
    await promise;
    assert.equal(late.closed, true);
  });
});
