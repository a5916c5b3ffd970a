import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DdlMode } from './ddl-queue.ts';
import { DdlQueue } from './ddl-queue.ts';

describe('DdlQueue', () => {
  it('runs shared work together, exclusive work alone, all in order of arrival', async () => {
    const queue = new DdlQueue();
    const log: string[] = [];
    const gates = new Map<string, () => void>();
    const start = (name: string, mode: DdlMode): Promise<void> =>
      queue.run(mode, async () => {
        log.push(`${name}+`);
        await new Promise<void>((resolve) => gates.set(name, resolve));
        log.push(`${name}-`);
      });
    const finish = async (name: string): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      const open = gates.get(name);
      assert.ok(open, `${name} has not started`);
      open();
      await new Promise((resolve) => setImmediate(resolve));
    };
    const all = [
      start('a', 'shared'),
      start('b', 'shared'),
      start('C', 'exclusive'),
      start('d', 'shared'),
      start('E', 'exclusive'),
    ];
    for (const name of ['a', 'b', 'C', 'd', 'E']) await finish(name);
    await Promise.all(all);
    assert.equal(log.join(' '), 'a+ b+ a- b- C+ C- d+ d- E+ E-');
  });
  it('goes on after a failure', async () => {
    const queue = new DdlQueue();
    await assert.rejects(
      queue.run('exclusive', async () => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal(await queue.run('exclusive', async () => 1), 1);
  });
});
