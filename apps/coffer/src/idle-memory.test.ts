import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createLogger } from '@coffer/base';
import { IdleMemory } from './idle-memory.ts';

const MB = 1_000_000;
/** Objects of 40 bytes and more. */
const MANY = 2_000_000;
const LOOK_MS = 10_000;

interface Collection {
  readonly before: number;
  readonly after: number;
}

/** Looks at real memory, with clocks of the test's own: how much of a processor this process gets is the machine's affair. */
class Watched {
  readonly collections: Collection[] = [];
  readonly #memory: IdleMemory;
  #nowMs = 0;
  #usedMs = 0;

  constructor({ mock }: TestContext) {
    mock.method(performance, 'now', () => this.#nowMs);
    mock.method(process, 'cpuUsage', (since = { user: 0, system: 0 }) => ({
      user: this.#usedMs * 1_000 - since.user,
      system: 0,
    }));
    this.#memory = new IdleMemory(
      createLogger('memory', 'debug', ({ message, fields: { before, after } }) => {
        assert.equal(message, 'returned memory to the system');
        this.collections.push({ before: Number(before), after: Number(after) });
      }),
    );
  }

  afterQuiet(): void {
    this.#look(0.05);
  }

  afterWork(): void {
    this.#look(0.3);
  }

  /** `share`: of one processor. */
  #look(share: number): void {
    this.#nowMs += LOOK_MS;
    this.#usedMs += LOOK_MS * share;
    this.#memory.look();
  }
}

/** Lives long enough to come into the old generation. */
function leaveGarbage(): void {
  const garbage = Array.from({ length: MANY }, (_, index) => ({ index }));
  assert.equal(garbage.at(-1)?.index, MANY - 1);
}

describe('memory that work has left behind', () => {
  it('is given back when there is nothing to do, not before, and only if there is some', (test) => {
    const watched = new Watched(test);
    leaveGarbage();
    for (let time = 0; time < 3; time++) watched.afterWork();
    assert.equal(watched.collections.length, 0);
    watched.afterQuiet();
    const [first, ...more] = watched.collections;
    assert.ok(first && more.length === 0);
    assert.ok(first.before - first.after > 40 * MB, `${first.before} to ${first.after}`);
    // There is nothing left to give back.
    watched.afterQuiet();
    watched.afterQuiet();
    assert.equal(watched.collections.length, 1);
    leaveGarbage();
    watched.afterQuiet();
    assert.equal(watched.collections.length, 2);
  });
});
