import type { TestContext } from 'node:test';

/** Lets a test put our clock forward. The server's clock and the timers are not affected. */
export function ownClock(test: TestContext): (seconds: number) => void {
  const now = Date.now.bind(Date);
  let ahead = 0;
  test.mock.method(Date, 'now', () => now() + ahead);
  return (seconds) => (ahead += seconds * 1000);
}
