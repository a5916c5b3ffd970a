import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LogEntry, LogLevel } from './log.ts';
import { Loggers } from './loggers.ts';

function start(level: LogLevel) {
  const lines: string[] = [];
  const loggers = new Loggers(level, ({ module, message }) => lines.push(`${module}: ${message}`));
  const take = (): string[] => lines.splice(0);
  return { loggers, take };
}

describe('loggers', () => {
  it('have names, never an empty one', () => {
    const { loggers, take } = start('info');
    loggers.root.info('a');
    loggers.root.named('core').named('leases').info('b');
    loggers.root.named('core').info('c');
    assert.deepEqual(take(), ['coffer: a', 'core.leases: b', 'core: c']);
    assert.deepEqual(loggers.names, ['coffer', 'core', 'core.leases']);
  });

  it('have levels: one alone, all of them, also of those that are made later, and back', () => {
    const { loggers, take } = start('info');
    const core = loggers.root.named('core');
    const leases = core.named('leases');
    const say = (): string[] => {
      for (const logger of [core, leases]) logger.debug('d');
      return take();
    };
    assert.deepEqual(say(), []);
    assert.equal(loggers.set('core', 'debug'), true);
    assert.deepEqual(say(), ['core: d'], 'not of those below');
    assert.deepEqual(
      [loggers.levelOf('core'), loggers.levelOf('core.leases'), loggers.levelOf('x')],
      ['debug', 'info', undefined],
    );
    assert.equal(loggers.revert('core'), true);
    assert.deepEqual(say(), []);
    assert.deepEqual([loggers.set('x', 'debug'), loggers.revert('x')], [false, false]);
    loggers.setAll('trace');
    assert.deepEqual(say(), ['core: d', 'core.leases: d']);
    assert.equal((loggers.root.named('new'), loggers.levelOf('new')), 'trace');
    loggers.revertAll();
    assert.deepEqual(say(), []);
    loggers.configure('warn');
    core.info('i');
    assert.deepEqual(take(), []);
    loggers.setAll('debug');
    loggers.revertAll();
    assert.equal(loggers.levelOf('core'), 'warn', 'what was configured last');
  });

  it('are read along at a level of its own', () => {
    const { loggers, take } = start('error');
    const core = loggers.root.named('core');
    const seen: LogEntry[] = [];
    let isOver = false;
    const unfollow = loggers.follow({
      level: 'debug',
      receive: (entry) => seen.push(entry),
      end: () => (isOver = true),
    });
    core.trace('no');
    core.debug('yes');
    unfollow();
    core.debug('late');
    assert.deepEqual(
      seen.map(({ message }) => message),
      ['yes'],
    );
    assert.deepEqual(take(), []);
    loggers.endFollowers();
    assert.equal(isOver, false, 'it was no longer there');
    loggers.follow({ level: 'debug', receive: () => undefined, end: () => (isOver = true) });
    loggers.endFollowers();
    assert.deepEqual([isOver, loggers.followers], [true, 0]);
  });
});
