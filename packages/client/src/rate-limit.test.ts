import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RateLimit } from './rate-limit.ts';

/** A deadline that nothing but the test reaches. */
function endless(): { readonly signal: AbortSignal; readonly endsAt: number; end(): void } {
  const controller = new AbortController();
  return { signal: controller.signal, endsAt: performance.now() + 3_600_000, end: () => controller.abort() };
}

describe('RateLimit', () => {
  it('lets as many as the burst through, and has the next one wait', async () => {
    const limit = new RateLimit(0.01, 2);
    const deadline = endless();
    await limit.wait(deadline);
    await limit.wait(deadline);
    const third = limit.wait(deadline);
    deadline.end();
    await assert.rejects(third, { name: 'AbortError' });
  });

  it('has nobody wait for what will not be: no burst, no rate, or a deadline before it', async () => {
    const { signal } = endless();
    const soon = { signal, endsAt: performance.now() + 1_000 };
    for (const limit of [new RateLimit(0.5, 0), new RateLimit(0, 1), new RateLimit(0.001, 1)]) {
      await limit.wait(soon);
      await limit.wait(soon);
    }
  });

  it('counts again with time', async () => {
    const limit = new RateLimit(1000, 1);
    const deadline = endless();
    for (let sent = 0; sent < 5; sent++) await limit.wait(deadline);
  });
});
