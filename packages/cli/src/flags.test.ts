import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CommandFailure } from './failure.ts';
import { parseFlags } from './flags.ts';

const FLAGS = {
  force: { type: 'boolean', aliases: ['f'], usage: '' },
  renewable: { type: 'boolean', default: true, usage: '' },
  path: { type: 'string', usage: '', env: 'X_PATH' },
  address: { type: 'string', default: 'there', usage: '', env: 'X_ADDR' },
  ttl: { type: 'duration', usage: '', env: 'X_TTL' },
  count: { type: 'integer', usage: '' },
  policy: { type: 'list', usage: '' },
  meta: { type: 'map', usage: '' },
} as const;

function parse(...args: string[]) {
  return parseFlags(FLAGS, args, {});
}

function refused(args: string[], message: string | RegExp, env = {}) {
  assert.throws(
    () => parseFlags(FLAGS, args, env),
    (e) => {
      assert.ok(e instanceof CommandFailure);
      assert.equal(e.exitCode, 1);
      if (typeof message === 'string') assert.equal(e.message, message);
      else assert.match(e.message, message);
      return true;
    },
  );
}

describe('parseFlags', () => {
  it('takes every spelling of Go', () => {
    const { flags, positionals } = parse(
      '-path=a=b',
      '--ttl',
      '90m',
      '-f',
      '--renewable=false',
      '-count=-3',
      'one',
      'two',
    );
    assert.equal(flags['path'], 'a=b');
    assert.equal(flags['ttl'], 5400);
    assert.equal(flags['force'], true);
    assert.equal(flags['renewable'], false);
    assert.equal(flags['count'], -3);
    assert.deepEqual(positionals, ['one', 'two']);
  });

  it('stops at the first argument, at a lone dash and at a double one', () => {
    assert.deepEqual(parse('x', '-force').positionals, ['x', '-force']);
    assert.equal(parse('x', '-force').flags['force'], false);
    assert.deepEqual(parse('-f', '-', '-path=a').positionals, ['-', '-path=a']);
    assert.deepEqual(parse('-f', '--', '-path=a').positionals, ['-path=a']);
    assert.deepEqual(parse('x', '--', 'y').positionals, ['x', '--', 'y']);
    assert.deepEqual(parse('', '-f').positionals, ['', '-f']);
  });

  it('gives a boolean no separate value, and any other flag the next argument whatever it looks like', () => {
    assert.deepEqual(parse('-force', 'false').positionals, ['false']);
    assert.equal(parse('-path', '-force').flags['path'], '-force');
    assert.equal(parse('-path=').flags['path'], '');
  });

  it('collects lists and maps, and lets the last of the others win', () => {
    const { flags } = parse('-policy=a', '-policy', ' b ', '-meta=k=v=w', '-meta=__proto__=x', '-path=1', '-path=2');
    assert.deepEqual(flags['policy'], ['a', 'b']);
    assert.deepEqual(Object.entries(flags['meta'] ?? {}), [
      ['k', 'v=w'],
      ['__proto__', 'x'],
    ]);
    assert.equal(flags['path'], '2');
  });

  it('falls back on the environment, then on the default', () => {
    assert.deepEqual(parse().flags, {
      force: false,
      renewable: true,
      path: undefined,
      address: 'there',
      ttl: undefined,
      count: undefined,
      policy: [],
      meta: undefined,
    });
    const env = { X_PATH: 'p', X_TTL: '1h', X_ADDR: '' };
    assert.equal(parseFlags(FLAGS, [], env).flags['path'], 'p');
    assert.equal(parseFlags(FLAGS, [], env).flags['ttl'], 3600);
    assert.equal(parseFlags(FLAGS, [], env).flags['address'], 'there');
    assert.equal(parseFlags(FLAGS, ['-path=flag'], env).flags['path'], 'flag');
  });

  it('knows "system" as -1 second', () => {
    assert.equal(parse('-ttl=system').flags['ttl'], -1);
  });

  it('refuses what Go refuses, in its words', () => {
    refused(['-nope'], 'flag provided but not defined: -nope');
    refused(['--nope=1'], 'flag provided but not defined: -nope');
    refused(['-toString'], 'flag provided but not defined: -toString');
    refused(['---force'], 'bad flag syntax: ---force');
    refused(['-=x'], 'bad flag syntax: -=x');
    refused(['-path'], 'flag needs an argument: -path');
    refused(['-force=maybe'], 'flag -force: invalid value "maybe": use true or false');
    refused(['-ttl=soon'], /^flag -ttl: invalid value "soon": use seconds or a form like/);
    refused(['-count=1.5'], 'flag -count: invalid value "1.5": use a whole number');
    refused(['-meta=x'], 'flag -meta: invalid value "x": use key=value');
    refused([], /^environment variable X_TTL: invalid value "soon"/, { X_TTL: 'soon' });
  });
});
