import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '@coffer/base';
import { eventually } from '@coffer/testkit';
import { DueLoop, type DueLoopOptions, type DueWork } from './due-loop.ts';

/** Longer than any test: a test that ends has not slept through it. */
const FOR_EVER_MS = 3_600_000;

/** Items with the time at which each is due; run by a function that may be replaced. */
class Items implements DueWork<string> {
  readonly times = new Map<string, number>();
  readonly runs: string[] = [];
  running = 0;
  most = 0;
  work: (item: string) => Promise<void> = async (item) => {
    this.times.delete(item);
  };

  async due(limit: number): Promise<string[]> {
    const due = [...this.times].filter(([, time]) => time <= Date.now());
    return due.map(([item]) => item).slice(0, limit);
  }
  async nextDue(): Promise<number | undefined> {
    return this.times.size === 0 ? undefined : Math.min(...this.times.values());
  }
  nameOf(item: string): string {
    return item;
  }
  run(items: readonly string[]): readonly Promise<void>[] {
    return items.map((item) => this.#runOne(item));
  }
  async #runOne(item: string): Promise<void> {
    this.runs.push(item);
    this.most = Math.max(this.most, ++this.running);
    try {
      await this.work(item);
    } finally {
      this.running--;
    }
  }
}

describe('a loop over what is due', () => {
  let log: string[] = [];
  let loop: DueLoop<string> | undefined;
  afterEach(async () => {
    await loop?.stop();
    log = [];
  });

  function startLoop(items: Items, options: Partial<DueLoopOptions> = {}): DueLoop<string> {
    const logger = createLogger('', 'trace', ({ message }) => log.push(message));
    loop = new DueLoop(items, {
      ...{ concurrency: 4, longestSleepMs: FOR_EVER_MS, shortestSleepMs: 10, logger },
      ...options,
    });
    loop.start();
    return loop;
  }

  it('does everything that is due, so many at once as it may', async () => {
    const items = new Items();
    for (let n = 0; n < 50; n++) items.times.set(`item ${n}`, 0);
    items.work = async (item) => {
      await sleep(2);
      items.times.delete(item);
    };
    startLoop(items);
    await eventually(() => items.times.size === 0, 'the end of what is due');
    assert.equal(items.most, 4);
    assert.equal(new Set(items.runs).size, 50);
  });

  it('is not woken by what is due only after it would have looked anyway', async () => {
    const items = new Items();
    let looks = 0;
    items.nextDue = async () => {
      looks++;
      return undefined;
    };
    const longestSleepMs = 60_000;
    const sleeping = startLoop(items, { longestSleepMs });
    await eventually(
      async () => looks === 1,
      () => 'it has not looked',
    );
    for (const later of [longestSleepMs + 1_000, 3_600_000, Number.POSITIVE_INFINITY])
      sleeping.wake(Date.now() + later);
    await sleep(20);
    assert.equal(looks, 1);
    sleeping.wake(Date.now() + longestSleepMs / 2);
    await eventually(
      async () => looks === 2,
      () => 'it did not wake up',
    );
  });

  it('wakes up at the next time by itself', async () => {
    const items = new Items();
    items.times.set('later', Date.now() + 100);
    startLoop(items);
    await eventually(() => items.runs.length === 1, 'the first run');
    assert.deepEqual(items.runs, ['later']);
  });

  it('runs no item twice at a time, however often it is woken', async () => {
    const items = new Items();
    items.times.set('slow', 0);
    let end = (): void => undefined;
    items.work = async () => {
      await new Promise<void>((resolve) => (end = resolve));
      items.times.delete('slow');
    };
    const woken = startLoop(items);
    await eventually(() => items.runs.length === 1, 'the first run');
    for (let n = 0; n < 20; n++) {
      woken.wake();
      await sleep(1);
    }
    assert.deepEqual(items.runs, ['slow']);
    end();
    await eventually(() => items.times.size === 0, 'the end of what is due');
  });

  it('waits for what is under way when it stops, and starts nothing more', async () => {
    const items = new Items();
    items.times.set('last', 0);
    let end = (): void => undefined;
    items.work = () => new Promise<void>((resolve) => (end = resolve));
    const stopping = startLoop(items);
    await eventually(() => items.runs.length === 1, 'the first run');
    let stopped = false;
    const stop = stopping.stop().then(() => (stopped = true));
    await sleep(20);
    assert.equal(stopped, false);
    end();
    await stop;
    stopping.wake();
    await sleep(20);
    assert.deepEqual(items.runs, ['last'], 'it is still due');
  });

  it('does not spin over an item that stays due because nothing can be written down', async () => {
    const items = new Items();
    items.times.set('stuck', 0);
    items.work = () => Promise.reject(new Error('the disk is full'));
    const failing = startLoop(items);
    await eventually(() => log.length > 0, 'a line in the log');
    await sleep(100);
    assert.deepEqual(items.runs, ['stuck']);
    assert.deepEqual(log, ['failed to record the result']);
    failing.wake();
    await eventually(() => items.runs.length === 2, 'the second run');
  });

  it('goes on after the store was away', async () => {
    const items = new Items();
    items.times.set('a', 0);
    const due = items.due.bind(items);
    items.due = () => Promise.reject(new Error('the store is closed'));
    startLoop(items, { longestSleepMs: 20 });
    await eventually(() => log.length > 0, 'a line in the log');
    assert.equal(log[0], 'failed to read from the store what is due');
    items.due = due;
    await eventually(() => items.times.size === 0, 'the end of what is due');
  });
});
