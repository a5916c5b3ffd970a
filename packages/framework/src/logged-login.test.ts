import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CofferError, createLogger, formatLogLine } from '@coffer/base';
import { loggedLogin } from './logged-login.ts';

describe('refused logins', () => {
  it('are logged, but not as often as somebody likes', async (test) => {
    test.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
    const lines: string[] = [];
    const logger = createLogger('auth', 'info', (entry) => lines.push(formatLogLine(entry)));
    const refuse = (name: string) =>
      assert.rejects(
        loggedLogin({ logger }, { id: 'r', remoteAddress: '192.0.2.1' }, name, async () => {
          throw new CofferError('invalid-request', 'invalid username or password');
        }),
        /invalid username or password/,
      );
    for (let count = 0; count < 5000; count++) await refuse('ana\x1b[2J\nname=root');
    assert.equal(lines.length, 20);
    assert.match(
      lines[0] ?? '',
      /login failed: name="ana\?\[2J\?name=root" remote_address=192\.0\.2\.1 .*password"\n$/,
    );
    test.mock.timers.tick(1000);
    await refuse('bea');
    assert.match(lines.at(-1) ?? '', /name=bea .* unlogged=4980\n$/);
    await refuse('bea');
    assert.doesNotMatch(lines.at(-1) ?? '', /unlogged/);
  });
});
