import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogger, formatLogLine } from '@coffer/base';
import { TokenRenewal } from './token-renewal.ts';

describe('the renewal of a token', () => {
  it('comes after two thirds of its time, not too often, and warns when the end is near', async (test) => {
    test.mock.timers.enable({ apis: ['setTimeout'] });
    const lines: string[] = [];
    const logger = createLogger('', 'info', (entry) => lines.push(formatLogLine(entry)));
    let calls = 0;
    let seconds = 900;
    const renewal = new TokenRenewal(async () => {
      calls++;
      return { seconds, renewable: true };
    }, logger);
    const tick = async (ms: number): Promise<void> => {
      test.mock.timers.tick(ms);
      for (let n = 0; n < 20; n++) await Promise.resolve();
    };
    renewal.begin();
    renewal.begin();
    await tick(0);
    assert.equal(calls, 1);
    await tick(599_999);
    assert.equal(calls, 1);
    await tick(1);
    assert.equal(calls, 2);
    assert.equal(lines.join(''), '');
    seconds = 300;
    await tick(600_000);
    assert.equal(calls, 3);
    assert.match(lines.join(''), /the token of the seal expires soon.*seconds=300/);
    seconds = 1;
    await tick(200_000);
    await tick(4_999);
    assert.equal(calls, 4, 'not before the shortest pause');
    await tick(1);
    assert.equal(calls, 5);
    assert.equal(lines.length, 1, 'said once');
    renewal.end();
    await tick(1_000_000);
    assert.equal(calls, 5);
  });
});
