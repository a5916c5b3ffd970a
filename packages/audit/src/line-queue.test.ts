import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LineQueue, type Sink } from './line-queue.ts';

/** A sink whose writes end when the test says so. */
class HeldSink implements Sink {
  readonly written: string[] = [];
  held = false;
  error: Error | undefined;
  #release: (() => void) | undefined;

  async write(bytes: Buffer): Promise<void> {
    if (this.held) await new Promise<void>((done) => (this.#release = done));
    if (this.error !== undefined) throw this.error;
    this.written.push(bytes.toString());
  }

  async reset(): Promise<void> {
    this.written.push('(reset)');
  }

  release(): void {
    this.held = false;
    this.#release?.();
  }
}

describe('lines of a device', () => {
  it('are written in the order in which they came, many at once where they wait', async () => {
    const sink = new HeldSink();
    sink.held = true;
    const queue = new LineQueue(sink, 1_000);
    const lines = Array.from({ length: 100 }, (_, index) => `${index}\n`);
    const outcomes = lines.map((line) => queue.write(() => line));
    const reopened = queue.reopen();
    await new Promise((done) => setImmediate(done));
    sink.release();
    await Promise.all([...outcomes, reopened]);
    assert.equal(sink.written.at(-1), '(reset)');
    assert.equal(sink.written.slice(0, -1).join(''), lines.join(''));
    assert.ok(sink.written.length <= 3, `${sink.written.length} writes`);
  });

  it('fail with the write that they were in, and the next ones are tried again', async () => {
    const sink = new HeldSink();
    const queue = new LineQueue(sink, 1_000);
    sink.error = new Error('ENOSPC');
    await assert.rejects(
      queue.write(() => 'a\n'),
      /ENOSPC/,
    );
    assert.equal(queue.isFailing, true);
    sink.error = undefined;
    await queue.write(() => 'b\n');
    assert.equal(queue.isFailing, false);
    assert.deepEqual(sink.written, ['b\n']);
  });

  it('wait for a sink that hangs as long as is said, and then no more until it comes back', async (test) => {
    const sink = new HeldSink();
    sink.held = true;
    const queue = new LineQueue(sink, 50);
    const waiting = [queue.write(() => 'a\n'), queue.write(() => 'b\n')];
    for (const line of waiting) await assert.rejects(line, /nothing was written for 0.05 s/);
    // Whoever waits now waits for ever.
    test.mock.timers.enable({ apis: ['setTimeout'] });
    for (let n = 0; n < 1_000; n++)
      await assert.rejects(
        queue.write(() => 'c\n'),
        /nothing was written/,
      );
    test.mock.timers.reset();
    sink.release();
    await new Promise((done) => setImmediate(done));
    await queue.write(() => 'd\n');
    assert.deepEqual([sink.written.includes('d\n'), sink.written.includes('c\n')], [true, false]);
  });

  it('are made only when there is room for them, so that a sound sink takes all of them in bounded memory', async () => {
    const sink = new HeldSink();
    sink.held = true;
    const queue = new LineQueue(sink, 5_000);
    let made = 0;
    const make = (): string => {
      made++;
      return 'x'.repeat(1024 * 1024);
    };
    const outcomes = Array.from({ length: 40 }, () => queue.write(make));
    await new Promise((done) => setImmediate(done));
    assert.equal(made, 16);
    sink.release();
    await Promise.all(outcomes);
    assert.equal(made, 40);
    await queue.write(() => 'y'.repeat(20 * 1024 * 1024));
    assert.equal(sink.written.join('').length, 60 * 1024 * 1024);
  });

  it('go on to be made after one that cannot be', async () => {
    const sink = new HeldSink();
    sink.held = true;
    const queue = new LineQueue(sink, 5_000);
    const full = queue.write(() => 'x'.repeat(16 * 1024 * 1024));
    const broken = assert.rejects(
      queue.write(() => Promise.reject(new Error('no line'))),
      /no line/,
    );
    const next = queue.write(async () => 'next\n');
    sink.release();
    await Promise.all([full, broken, next]);
    assert.equal(sink.written.at(-1), 'next\n');
  });

  it('are refused when there was no room for too long, or the sink hangs meanwhile', async ({ mock }) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const sink = new HeldSink();
    const queue = new LineQueue(sink, 5_000);
    const crowd = (count: number) =>
      Array.from({ length: count }, () => queue.write(() => 'x'.repeat(16 * 1024 * 1024)));
    const turn = () => new Promise((done) => setImmediate(done));
    sink.held = true;
    const [first, second, third] = crowd(3);
    await turn();
    mock.timers.tick(4_000);
    sink.release();
    sink.held = true;
    await first;
    await turn();
    mock.timers.tick(1_500);
    await assert.rejects(third ?? Promise.resolve(), /more than 16777216 bytes are waiting to be written/);
    const [late] = crowd(1);
    mock.timers.tick(4_000);
    for (const hung of [second, late]) await assert.rejects(hung ?? Promise.resolve(), /nothing was written for 5 s/);
    sink.release();
    await turn();
    await queue.write(() => 'again\n');
    assert.equal(sink.written.at(-1), 'again\n');
  });

  it('are refused once it is closed, which waits for those that came before', async () => {
    const sink = new HeldSink();
    const queue = new LineQueue(sink, 1_000);
    const before = queue.write(() => 'a\n');
    await queue.close();
    await before;
    await assert.rejects(
      queue.write(() => 'b\n'),
      /closed/,
    );
    assert.deepEqual(sink.written, ['a\n', '(reset)']);
  });
});
