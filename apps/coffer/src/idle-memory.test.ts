import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '@coffer/base';
import { IdleMemory } from './idle-memory.ts';

const MB = 1_000_000;
/** Objects of 40 bytes and more. */
const MANY = 2_000_000;
/** Beside which it is nothing how long the other one waits for the processor between its look and ours. */
const LONG_MS = 300;

interface Collection {
  readonly before: number;
  readonly after: number;
}

class Watched {
  readonly collections: Collection[] = [];
  readonly #memory = new IdleMemory(
    createLogger('memory', 'debug', ({ message, fields: { before, after } }) => {
      assert.equal(message, 'returned memory to the system');
      this.collections.push({ before: Number(before), after: Number(after) });
    }),
  );
  #used = process.cpuUsage();
  #since = performance.now();

  /** Of one processor since the last look. */
  get #share(): number {
    const { user, system } = process.cpuUsage(this.#used);
    return (user + system) / 1_000 / this.#elapsed;
  }

  get #elapsed(): number {
    return performance.now() - this.#since;
  }

  async afterQuiet(): Promise<void> {
    while (this.#elapsed < LONG_MS || this.#share > 0.05) await sleep(50);
    this.#look();
  }

  afterWork(): void {
    while (this.#elapsed < LONG_MS || this.#share < 0.3);
    this.#look();
  }

  #look(): void {
    this.#memory.look();
    this.#used = process.cpuUsage();
    this.#since = performance.now();
  }
}

/** Lives long enough to come into the old generation. */
function leaveGarbage(): void {
  const garbage = Array.from({ length: MANY }, (_, index) => ({ index }));
  assert.equal(garbage.at(-1)?.index, MANY - 1);
}

describe('memory that work has left behind', () => {
  it('is given back when there is nothing to do, not before, and only if there is some', async () => {
    const watched = new Watched();
    leaveGarbage();
    for (let time = 0; time < 3; time++) watched.afterWork();
    assert.equal(watched.collections.length, 0);
    await watched.afterQuiet();
    const [first, ...more] = watched.collections;
    assert.ok(first && more.length === 0);
    assert.ok(first.before - first.after > 40 * MB, `${first.before} to ${first.after}`);
    // There is nothing left to give back.
    await watched.afterQuiet();
    await watched.afterQuiet();
    assert.equal(watched.collections.length, 1);
    leaveGarbage();
    await watched.afterQuiet();
    assert.equal(watched.collections.length, 2);
  });
});
