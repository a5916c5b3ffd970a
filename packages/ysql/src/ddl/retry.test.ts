import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '@coffer/base';
import { Failure, type FailureKind } from '@coffer/yb-connection';
import { retry, RETRY_POLICY } from './retry.ts';

describe('retry', () => {
  const quick = { ...RETRY_POLICY, firstMs: 0 };
  const failing = async (kind: FailureKind, times: number): Promise<number> => {
    let attempts = 0;
    const work = async (): Promise<number> => {
      attempts++;
      if (attempts <= times) throw new Failure(kind, 'no');
      return attempts;
    };
    return await retry('test', { logger: silentLogger }, work, quick).catch(() => -attempts);
  };
  it('tries a conflict ten times', async () => {
    assert.equal(await failing('conflict', 9), 10);
    assert.equal(await failing('conflict', 10), -10);
  });
  it('tries nothing again that would fail again', async () => {
    assert.equal(await failing('fatal', 1), -1);
    assert.equal(await failing('upgrade', 1), -1);
  });
  it('gives up a cluster that nobody can reach soon', async () => {
    assert.equal(await failing('unreachable', 3), 4);
    assert.equal(await failing('unreachable', 4), -4);
  });
  it('stops when the time is over', async () => {
    const work = async (): Promise<never> => Promise.reject(new Failure('conflict', 'no'));
    await assert.rejects(retry('test', { logger: silentLogger }, work, { ...RETRY_POLICY, totalMs: -1 }), /no/);
  });
});
