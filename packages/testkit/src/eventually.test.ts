import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from './index.ts';

describe('eventually', () => {
  it('returns what there is to see, and looks no more', async () => {
    const answers = [false, undefined, 0, 1];
    assert.equal(await eventually(() => answers.shift(), 'an answer'), 0);
    assert.deepEqual(answers, [1]);
  });

  it('says what did not come, and lets errors of the look through', async () => {
    const never = eventually(async () => false, 'the end of days', { patienceMs: 20 });
    await assert.rejects(never, { name: 'AssertionError', message: /within 20 ms: the end of days/ });
    const told = eventually(
      () => undefined,
      async () => 'seen so far: nothing',
      { patienceMs: 0 },
    );
    await assert.rejects(told, { message: 'it did not come to pass: seen so far: nothing' });
    const broken = new Error('broken');
    await assert.rejects(
      eventually(() => Promise.reject(broken), 'nothing'),
      broken,
    );
  });
});
