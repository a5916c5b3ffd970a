import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  awaiting,
  currentDeadline,
  Deadline,
  pause,
  requireTime,
  timeLeft,
  whileAwaited,
  withDeadline,
  withoutDeadline,
} from './deadline.ts';

const LONG_MS = 3_600_000;
const NEVER = new Promise<never>(() => undefined);

describe('a deadline', () => {
  it('ends what waits, and says what for', async () => {
    const exceeded = {
      code: 'failed',
      message:
        'context deadline exceeded: no answer in 0.02 s (max_request_duration); it is waiting for the other side',
    };
    await withDeadline(new Deadline(20, { setting: 'max_request_duration' }), async () => {
      requireTime();
      await awaiting('the first side', async () => undefined);
      await assert.rejects(
        awaiting('the other side', () => whileAwaited(NEVER)),
        exceeded,
      );
      await assert.rejects(pause(LONG_MS), exceeded);
      assert.throws(requireTime, exceeded);
      assert.equal(timeLeft(1_000), 0);
    });
  });

  it('is over when whoever asked has gone', async () => {
    const client = new AbortController();
    const deadline = new Deadline(LONG_MS, { gone: client.signal });
    const waiting = withDeadline(deadline, () => pause(LONG_MS));
    client.abort();
    await assert.rejects(waiting, { code: 'failed', message: 'context canceled: the client disconnected' });
    assert.ok(deadline.over);
    assert.ok(new Deadline(LONG_MS, { gone: client.signal }).over, 'also when that was before');
    deadline.clear();
  });

  it('leaves a little time for the reason to arrive', () => {
    const left = (milliseconds: number) => withDeadline(new Deadline(milliseconds), () => timeLeft(LONG_MS));
    assert.ok(left(90_000) <= 81_000);
    assert.ok(left(LONG_MS) > LONG_MS - 11_000);
    assert.equal(
      withDeadline(new Deadline(LONG_MS), () => timeLeft(5)),
      5,
    );
    assert.equal(timeLeft(7), 7, 'without a deadline');
  });

  it('goes along with what is begun, but not with what is done for others', async () => {
    const deadline = new Deadline(LONG_MS);
    await withDeadline(deadline, async () => {
      await sleep(1);
      assert.equal(currentDeadline(), deadline);
      assert.equal(await withoutDeadline(async () => (await sleep(1), currentDeadline())), undefined);
      assert.equal(await whileAwaited(Promise.resolve(1)), 1);
    });
    assert.equal(currentDeadline(), undefined);
    deadline.clear();
  });
});
