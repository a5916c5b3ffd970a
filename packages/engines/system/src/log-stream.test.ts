import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Loggers, type LogFormat } from '@coffer/base';
import { LogStream } from './log-stream.ts';

describe('a stream of the log', () => {
  for (const [format, line] of [
    ['standard', /\[INFO\] {2}?\S*: ?a line: number=\d+$|a line: number=\d+$/],
    ['json', /"@message":"a line".*"number":\d+/],
  ] as const satisfies readonly (readonly [LogFormat, RegExp])[]) {
    it(`tells a reader who is too slow how many lines were left out, and keeps no more than 512, as ${format}`, async () => {
      const loggers = new Loggers('error', () => undefined);
      const stream = new LogStream({
        ...{ level: 'info', format, gone: undefined, sealed: new AbortController().signal },
        mayRead: async () => true,
      });
      const chunks = stream.chunks(loggers);
      const read = async (): Promise<string[]> => {
        const { value } = (await chunks.next()) as IteratorResult<Uint8Array, undefined>;
        return Buffer.from(value ?? '')
          .toString()
          .split('\n')
          .filter((each) => each !== '');
      };
      assert.deepEqual(await read(), []);
      const logger = loggers.root.named('x');
      for (let number = 0; number < 2_000; number++) logger.info('a line', { number });
      const first = await read();
      assert.equal(first.length, 513);
      for (const each of first.slice(0, -1)) assert.match(each, line);
      assert.match(first[511] ?? '', /511/);
      assert.equal(first[512], 'Monitor dropped 1488 logs during monitor request');
      logger.info('a line', { number: 7 });
      assert.equal((await read()).length, 1, 'it goes on');
      // Long lines fill it before there are many.
      for (let number = 0; number < 100; number++) logger.info('a line', { number, text: 'x'.repeat(100_000) });
      const long = await read();
      assert.ok(long.join('').length < 1.1 * 1024 * 1024);
      assert.equal(long.at(-1), `Monitor dropped ${100 - (long.length - 1)} logs during monitor request`);
      loggers.endFollowers();
      assert.equal((await chunks.next()).done, true);
    });
  }
});
