import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ownClock } from '@coffer/testkit';
import { Failure } from '../session/failure.ts';
import type { Session } from '../session/session.ts';
import { NodeHealth } from './node-health.ts';

const gone = new Failure('unreachable', 'connection refused');

/** As much of a session as is looked at here. */
class FakeSession {
  lost = false;
  closed = false;
  refuseWrites: () => void = () => undefined;
  #onClosed: () => void = () => undefined;

  whenClosed(callback: () => void): void {
    this.#onClosed = callback;
  }

  whenReadOnly(callback: () => void): void {
    this.refuseWrites = callback;
  }

  lose(): void {
    this.lost = true;
    this.#onClosed();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.#onClosed();
  }
}

function fake(): { session: Session; seen: FakeSession } {
  const seen = new FakeSession();
  return { session: seen as unknown as Session, seen };
}

describe('the health of a node', () => {
  const fails = async (health: NodeHealth): Promise<void> => {
    await assert.rejects(
      health.open('n', () => Promise.reject(gone)),
      gone,
    );
  };

  it('sets it aside for longer with each failure in a row, up to a bound', async (test) => {
    const passes = ownClock(test);
    const health = new NodeHealth(5, 60);
    for (const seconds of [5, 10, 20, 40, 60, 60]) {
      await fails(health);
      passes(seconds - 1);
      assert.equal(health.isSetAside('n'), true, `${seconds} s`);
      passes(2);
      assert.equal(health.isSetAside('n'), false, `${seconds} s`);
    }
  });
  it('begins anew once it has been reached', async (test) => {
    const passes = ownClock(test);
    const health = new NodeHealth(5, 60);
    await fails(health);
    passes(6);
    await fails(health);
    await health.open('n', async () => fake().session);
    assert.equal(health.isSetAside('n'), false);
    await fails(health);
    passes(6);
    assert.equal(health.isSetAside('n'), false);
  });
  it('takes what several find out at one moment for one failure', async (test) => {
    const passes = ownClock(test);
    const health = new NodeHealth(5, 60);
    for (let caller = 0; caller < 4; caller++) await fails(health);
    passes(6);
    assert.equal(health.isSetAside('n'), false);
  });
  it('never sets it aside where that is not wanted', async () => {
    const health = new NodeHealth(0, 300);
    for (let failure = 0; failure < 4; failure++) await fails(health);
    assert.equal(health.isSetAside('n'), false);
  });
  it('is asked about longer times as well, which grow too', async (test) => {
    const passes = ownClock(test);
    const health = new NodeHealth(5, 60);
    health.lose('n');
    passes(59);
    assert.equal(health.wasSilentWithin('n', 60), true);
    passes(2);
    assert.equal(health.wasSilentWithin('n', 60), false);
    await assert.rejects(
      health.open('n', async () => {
        passes(2);
        throw gone;
      }),
      gone,
    );
    passes(119);
    assert.equal(health.wasSilentWithin('n', 60), true);
  });
  it('is not silent when it refuses at once', async () => {
    const health = new NodeHealth(5, 60);
    await fails(health);
    assert.deepEqual([health.isSetAside('n'), health.wasSilentWithin('n', 60)], [true, false]);
  });
  it('is silent for those too who had just begun to connect when another found it out', async () => {
    const health = new NodeHealth(5, 60);
    const begun = health.open('n', () => new Promise(() => undefined));
    health.lose('n');
    await assert.rejects(begun, /does not answer/);
    assert.equal(health.wasSilentWithin('n', 60), true);
  });
  it('tells all who try as soon as one knows', async () => {
    const health = new NodeHealth(5, 60);
    const late = Promise.withResolvers<Session>();
    const waiting = health.open('n', () => late.promise);
    await fails(health);
    await assert.rejects(waiting, gone);
    assert.equal(health.load('n'), 0);
    const { session, seen } = fake();
    late.resolve(session);
    await new Promise(setImmediate);
    assert.equal(seen.closed, true, 'a connection that nobody waits for any more is closed');
  });
  it('says nothing of other nodes', async () => {
    const health = new NodeHealth(5, 60);
    const late = Promise.withResolvers<Session>();
    const other = health.open('other', () => late.promise);
    await fails(health);
    const { session } = fake();
    late.resolve(session);
    assert.equal(await other, session);
    assert.equal(health.isSetAside('other'), false);
  });
  it('gives up every connection to it once it is silent', async () => {
    const health = new NodeHealth(5, 60);
    const [one, two, other] = [fake(), fake(), fake()];
    await health.open('n', async () => one.session);
    await health.open('n', async () => two.session);
    await health.open('other', async () => other.session);
    health.lose('n');
    assert.deepEqual([one.seen.lost, two.seen.lost, other.seen.lost], [true, true, false]);
    assert.deepEqual([health.load('n'), health.load('other')], [0, 1]);
    assert.equal(health.isSetAside('n'), true);
  });
  it('sets it aside when it refuses to write, and says no failure of that', async (test) => {
    const passes = ownClock(test);
    const health = new NodeHealth(5, 60);
    const { session, seen } = fake();
    await health.open('n', async () => session);
    seen.refuseWrites();
    assert.equal(health.isSetAside('n'), true);
    assert.equal(health.wasSilentWithin('n', 60), false);
    passes(6);
    assert.equal(health.isSetAside('n'), false);
  });
  it('counts a connection once', async () => {
    const health = new NodeHealth(5, 60);
    const { session, seen } = fake();
    await health.open('n', async () => session);
    health.add('n', session);
    health.add('n', session);
    assert.equal(health.load('n'), 1);
    await seen.close();
    assert.equal(health.load('n'), 0);
  });
});
