import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { recordingLogger } from './launch-fixture.ts';
import { logPluginLine, readLines } from './plugin-log.ts';

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
