import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Departure } from './departure.ts';

describe('a departure', () => {
  it('is told once to each who listens, in the order in which they came', () => {
    const departure = new Departure();
    const told: string[] = [];
    const first = (): void => void told.push('first');
    departure.addEventListener('abort', first);
    departure.addEventListener('abort', () => told.push('second'));
    departure.addEventListener('abort', first);
    assert.deepEqual([departure.aborted, told], [false, []]);
    departure.abort();
    departure.abort();
    assert.deepEqual([departure.aborted, told], [true, ['first', 'second']]);
  });

  it('is not told to whoever has stopped listening, though others do', () => {
    const departure = new Departure();
    const told: string[] = [];
    const gone = (): void => void told.push('gone');
    departure.removeEventListener('abort', gone);
    departure.addEventListener('abort', gone);
    departure.addEventListener('abort', () => told.push('there'));
    departure.removeEventListener('abort', gone);
    departure.abort();
    assert.deepEqual(told, ['there']);
  });

  it('is not told to whoever begins to listen once it is over, nor to whoever stops before his turn', () => {
    const departure = new Departure();
    const told: string[] = [];
    const never = (): void => void told.push('never');
    departure.addEventListener('abort', () => {
      told.push('first');
      assert.ok(departure.aborted, 'it is over when it is told');
      departure.addEventListener('abort', () => told.push('late'));
      departure.removeEventListener('abort', never);
      departure.abort();
    });
    departure.addEventListener('abort', never);
    departure.addEventListener('abort', () => told.push('last'));
    departure.abort();
    departure.addEventListener('abort', () => told.push('later'));
    departure.abort();
    assert.deepEqual(told, ['first', 'last']);
  });

  it('has a signal that says the same, whenever it is asked for', () => {
    const early = new Departure();
    const { signal } = early;
    let told = 0;
    signal.addEventListener('abort', () => told++);
    assert.deepEqual([signal.aborted, early.signal], [false, signal]);
    early.abort();
    early.abort();
    assert.deepEqual([signal.aborted, early.signal, told], [true, signal, 1]);
    const late = new Departure();
    late.abort();
    assert.ok(late.signal.aborted);
  });
});
