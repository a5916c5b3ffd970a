import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Steps } from './steps.ts';

describe('steps', () => {
  it('stop an operation before and after each of its calls, also one that fails', async () => {
    const steps = new Steps();
    let log: string[] = [];
    const note = (what: string, work = async () => undefined) =>
      steps.pass(what, async () => {
        log.push(what);
        await work();
      });
    const seen: string[] = [];
    const points = await steps.interleave({
      prepare: async () => void (log = []),
      stopped: async () => {
        await note('a');
        await note('b', () => Promise.reject(new Error('b failed'))).catch(() => undefined);
        await note('c');
      },
      meanwhile: () => note('other'),
      afterwards: async () => void seen.push(log.join(' ')),
    });
    assert.deepEqual(
      points.map(({ when, what }) => `${when} ${what}`),
      ['before a', 'after a', 'before b', 'after b', 'before c', 'after c'],
    );
    assert.deepEqual(seen, ['other a b c', 'a other b c', 'a other b c', 'a b other c', 'a b other c', 'a b c other']);
  });

  it('go on with the operation when the other one waits for it, however long its own calls take', async () => {
    const steps = new Steps();
    let turn = Promise.resolve();
    let whileStopped = 0;
    const inTurn = (work: () => Promise<void>) => (turn = turn.then(work));
    const points = await steps.interleave({
      prepare: async () => undefined,
      stopped: () => inTurn(() => steps.pass('first', async () => undefined)),
      meanwhile: async () => {
        await steps.pass('slow', () => sleep(60));
        await inTurn(() => steps.pass('second', async () => undefined));
      },
      whileStopped: async () => void whileStopped++,
      afterwards: async () => undefined,
    });
    assert.equal(points.length, 2);
    assert.equal(whileStopped, 0);
  });

  it('find no point in an operation that awaits nothing, and pass on what fails meanwhile', async () => {
    const steps = new Steps();
    const idle = { prepare: async () => undefined, afterwards: async () => undefined };
    const meanwhile = () => Promise.reject(new Error('in the way'));
    assert.deepEqual(await steps.interleave({ ...idle, stopped: async () => undefined, meanwhile }), []);
    const stopped = () => steps.pass('a', async () => undefined);
    await assert.rejects(steps.interleave({ ...idle, stopped, meanwhile }), /in the way/);
  });
});
