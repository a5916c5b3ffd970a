import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { recordingLogger } from './launch-fixture.ts';
import { CrashReport, logPluginLine, readLines } from './plugin-log.ts';

describe('a line of a plugin log', () => {
  it('keeps level, message and fields when it is hclog JSON', () => {
    const { logger, entries } = recordingLogger();
    const line = {
      '@level': 'warn',
      '@message': 'slow',
      '@timestamp': '2026-01-02T03:04:05.000000Z',
      node: 'n1',
      tries: 3,
    };
    logPluginLine(logger, JSON.stringify({ ...line, list: [1, 2] }));
    assert.equal(entries[0]?.level, 'warn');
    assert.equal(entries[0]?.message, 'slow');
    assert.deepEqual(entries[0]?.fields, { node: 'n1', tries: 3, list: '[1,2]' });
  });
  it('is debug text otherwise, or what its prefix says', () => {
    const { logger, entries } = recordingLogger();
    for (const line of ['plain', '[WARN] careful', '{"level":"x"}', '{broken', '[1]']) logPluginLine(logger, line);
    assert.deepEqual(
      entries.map((entry) => [entry.level, entry.message]),
      [
        ['debug', 'plain'],
        ['warn', '[WARN] careful'],
        ['debug', '{"level":"x"}'],
        ['debug', '{broken'],
        ['debug', '[1]'],
      ],
    );
  });
});

describe('the report of a crash', () => {
  const levels = (lines: readonly string[]) => {
    const crash = new CrashReport();
    return lines.map((line) => crash.levelOf(line));
  };
  for (const first of [
    'panic: runtime error: index out of range [3] with length 2',
    'fatal error: concurrent map writes',
    'fatal error: all goroutines are asleep - deadlock!',
    'fatal: morestack on g0',
    'fatal: bad g in signal handler',
    'runtime: goroutine stack exceeds 1000000000-byte limit',
    'runtime/cgo: pthread_create failed: Resource temporarily unavailable',
    'unexpected fault address 0x7f0000000000',
    'SIGSEGV: segmentation violation',
    'SIGQUIT: quit',
    'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
    'node:internal/modules/esm/resolve:272',
    'file:///opt/plugins/mine.mjs:12',
    '/opt/plugins/mine.cjs:12',
    'Traceback (most recent call last):',
  ]) {
    it(`begins with: ${first}`, () => {
      const report = [first, '', 'goroutine 1 [running]:', 'main.main()', '\t/src/main.go:8 +0x1d'];
      assert.deepEqual(levels(['starting', ...report]), ['debug', ...report.map(() => 'error')]);
    });
  }
  it('begins with nothing else', () => {
    const lines = [
      'no panic: all is well',
      'panics are bad',
      'fatal errors: 0',
      'fatal: no such database',
      'a runtime: 3 s',
      'SIGNAL: none of ours',
      '/opt/plugins/mine.cjs:12:3 is here',
      'goroutine 7 [running]:',
    ];
    assert.deepEqual(
      levels(lines).filter((level) => level === 'error'),
      [],
    );
  });
  it('is an error up to a limit, and a level that a line has counts', () => {
    const { logger, entries } = recordingLogger();
    const crash = new CrashReport();
    const write = (line: string) => logPluginLine(logger, line, crash.levelOf(line));
    write('panic: boom');
    write('[WARN] another goroutine');
    for (let count = 0; count < 2000; count++) write('x'.repeat(99));
    const counted = (level: string) => entries.filter((entry) => entry.level === level).length;
    assert.equal(counted('warn'), 1);
    assert.ok(counted('error') > 600 && counted('error') <= 657, String(counted('error')));
    assert.equal(entries.length, 2002);
  });
});

describe('readLines', () => {
  it('joins pieces, splits characters never, and cuts what has no end', async () => {
    const stream = new PassThrough();
    const lines: string[] = [];
    readLines(stream, (line) => lines.push(line));
    const euro = Buffer.from('€');
    stream.write(Buffer.concat([Buffer.from('on'), euro.subarray(0, 1)]));
    stream.write(Buffer.concat([euro.subarray(1), Buffer.from('\ntwo\n'), Buffer.alloc(150_000, 0x78)]));
    stream.end();
    await new Promise((done) => stream.once('close', done));
    assert.deepEqual(lines.slice(0, 2), ['on€', 'two']);
    assert.deepEqual(
      lines.slice(2).map((line) => line.length),
      [65536, 65536, 150_000 - 2 * 65536],
    );
  });
});
