import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogger, formatLogLine } from '@coffer/base';
import { LossReport } from './loss-report.ts';

describe('lost spans', () => {
  it('are told at once, then once an interval, and all of them at the end', (test) => {
    test.mock.timers.enable({ apis: ['setTimeout'] });
    const lines: string[] = [];
    const report = new LossReport(
      createLogger('', 'trace', (entry) => lines.push(formatLogLine(entry))),
      1000,
    );
    report.failed(5, 'ECONNREFUSED');
    for (let count = 0; count < 100; count++) report.dropped();
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /dropped=0 failed=5 reason=ECONNREFUSED/);
    test.mock.timers.tick(1000);
    assert.equal(lines.length, 2);
    assert.match(lines[1] ?? '', /dropped=100 failed=5/);
    test.mock.timers.tick(5000);
    assert.equal(lines.length, 2, 'nothing new was lost');
    report.dropped();
    report.dropped();
    report.close();
    assert.equal(lines.length, 4);
    assert.match(lines[3] ?? '', /dropped=102/);
  });
});
