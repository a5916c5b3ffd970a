import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogger, type LogEntry } from '@coffer/base';
import { Retries } from './retries.ts';

describe('retries', () => {
  it('are told one by one at debug, and together once a minute while there are any', (test) => {
    test.mock.timers.enable({ apis: ['setTimeout'] });
    const log: LogEntry[] = [];
    const retries = new Retries(createLogger('', 'debug', (entry) => log.push(entry)));
    const told = (): string[] => log.splice(0).map(({ level, message }) => `${level} ${message}`);
    for (const reason of ['40001', 'connection', '40001', '40P01']) retries.note(reason, 1, 'why');
    assert.deepEqual(
      told(),
      Array.from({ length: 4 }, () => 'debug store: retrying'),
    );
    test.mock.timers.tick(59_999);
    assert.deepEqual(told(), []);
    test.mock.timers.tick(1);
    assert.deepEqual(told(), ['info store: retried 4 statements: 40001 2, 40P01 1, connection 1']);
    test.mock.timers.tick(600_000);
    assert.deepEqual(told(), [], 'no line for none');
    retries.note('25006', 1, 'why');
    log.length = 0;
    retries.close();
    assert.deepEqual(told(), ['info store: retried 1 statements: 25006 1']);
    retries.close();
    test.mock.timers.tick(600_000);
    assert.deepEqual(told(), []);
  });
});
