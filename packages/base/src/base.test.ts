import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import {
  CofferError,
  createLogger,
  formatDuration,
  formatGoDuration,
  formatHclogLine,
  formatLogLine,
  formatTime,
  parseDuration,
  randomBase62,
  Secret,
} from './index.ts';

describe('parseDuration', () => {
  it('takes seconds and Go forms', () => {
    const cases: [string | number, number][] = [
      [3600, 3600],
      ['3600', 3600],
      ['1h', 3600],
      ['1h30m', 5400],
      ['1.5h', 5400],
      ['7d', 604800],
      ['1500ms', 1],
      ['0', 0],
      ['0s', 0],
    ];
    for (const [input, seconds] of cases) assert.equal(parseDuration(input, 'ttl'), seconds, String(input));
  });
  it('names the field and the remedy', () => {
    for (const bad of ['soon', '1x', '1h-', '-5s', -1, '1e400h', '1.5d', ' 1h', '106752d', '1'.repeat(1_000_000)]) {
      assert.throws(
        () => parseDuration(bad, 'default_ttl'),
        (e) => e instanceof CofferError && e.code === 'invalid-request' && e.message.includes('"default_ttl"'),
        String(bad),
      );
    }
  });
});

describe('formatting', () => {
  it('prints durations as Go and as the CLI do', () => {
    assert.equal(formatGoDuration(3600), '1h0m0s');
    assert.equal(formatDuration(3600), '1h');
    assert.equal(formatDuration(86399), '23h59m59s');
    assert.equal(formatDuration(600), '10m');
    assert.equal(formatDuration(5400), '1h30m');
    assert.equal(formatDuration(0), '0s');
    assert.equal(formatDuration(3601), '1h1s');
    assert.equal(formatDuration(36000), '10h');
    assert.equal(formatDuration(-90), '-1m30s');
  });
  it('cuts trailing zeros of a time fraction', () => {
    for (const [milliseconds, shown] of [
      [97, '51:02.097'],
      [0, '51:02'],
      [500, '51:02.5'],
      [100, '51:02.1'],
      [90, '51:02.09'],
      [120, '51:02.12'],
      [101, '51:02.101'],
      [1, '51:02.001'],
      [10, '51:02.01'],
      [999, '51:02.999'],
      [18_000, '51:20'],
      [18_100, '51:20.1'],
      [58_000, '52:00'],
    ] as const) {
      const time = Date.UTC(2026, 10, 24, 18, 51, 2, milliseconds);
      assert.equal(formatTime(time), `2026-11-24T18:${shown}Z`);
    }
    assert.equal(formatTime(0), '1970-01-01T00:00:00Z');
    // Where Node.js writes the year with a sign and six digits.
    assert.equal(formatTime(Date.UTC(12_026, 0, 1, 0, 0, 0, 250)), '+012026-01-01T00:00:00.25Z');
    assert.equal(formatTime(Date.UTC(-1, 0, 1)), '-000001-01-01T00:00:00Z');
    assert.throws(() => formatTime(Number.NaN), RangeError);
  });
  it('keeps a log line one line, and terminals as they are, whatever is logged', () => {
    let line = '';
    const logger = createLogger('core', 'debug', (entry) => (line = formatLogLine(entry)));
    for (const [text, shown] of [
      ['a\nb', '"a\\nb"'],
      ['\x1b[2Ja', '\\u{1b}[2Ja'],
      ['\x9b31m\x7f\0', '\\u{9b}31m\\u{7f}\\u{0}'],
      ['a\u2028b', '"a\\u{2028}b"'],
      ['\u202egnp', '\\u{202e}gnp'],
      ['x="y"', '"x=\\"y\\""'],
      ['é日本', 'é日本'],
    ] as const) {
      logger.warn('said', { text });
      assert.equal(line.slice(line.indexOf('[')), `[WARN]  core: said: text=${shown}\n`);
      logger.warn(text);
      assert.match(line, /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*\n$/u);
    }
    logger.warn('said', { text: 'x'.repeat(1_000_000) });
    assert.ok(line.length < 20_000);
  });
  it('writes hclog lines with six fractional digits', () => {
    let line = '';
    createLogger('ysql', 'debug', (entry) => (line = formatHclogLine(entry))).warn('slow', { node: 'n1' });
    const parsed = JSON.parse(line) as Record<string, string>;
    assert.match(parsed['@timestamp'] ?? '', /\.\d{6}Z$/);
    assert.equal(parsed['@level'], 'warn');
    assert.equal(parsed['node'], 'n1');
  });
});

describe('Secret', () => {
  it('cannot be printed by accident', () => {
    const secret = new Secret('hunter2');
    assert.equal(`${String(secret)} ${JSON.stringify({ secret })} ${inspect({ secret })}`.includes('hunter2'), false);
    assert.equal(secret.reveal(), 'hunter2');
  });
});

describe('randomBase62', () => {
  it('has the length asked for and only base62 characters', () => {
    assert.match(randomBase62(24), /^[0-9A-Za-z]{24}$/);
    assert.notEqual(randomBase62(24), randomBase62(24));
  });
});
