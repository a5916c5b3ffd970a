import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { isCofferError } from '@coffer/base';
import { readDataArguments, readTextArguments } from './data-arguments.ts';

const directory = mkdtempSync(join(tmpdir(), 'coffer-cli-'));
after(() => rmSync(directory, { recursive: true }));
const file = (name: string, content: string): string => {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
};

function read(args: readonly string[], stdin = '') {
  return readDataArguments(args, Readable.from([stdin]));
}

async function refused(args: readonly string[], message: RegExp, stdin = '') {
  await assert.rejects(read(args, stdin), (e) => {
    assert.ok(isCofferError(e, 'invalid-request'));
    assert.match(e.message, message);
    assert.equal(e.message.includes('hunter2'), false);
    return true;
  });
}

describe('readDataArguments', () => {
  it('takes pairs as strings, repeated ones as lists', async () => {
    assert.deepEqual(await read(['a=1', 'b=x=y', 'c=', 'd=true', 'a=2', 'a=3', '']), {
      a: ['1', '2', '3'],
      b: 'x=y',
      c: '',
      d: 'true',
    });
    assert.deepEqual(Object.keys(await read(['__proto__=x'])), ['__proto__']);
  });

  it('reads values from files and from stdin', async () => {
    const path = file('value', 'line one\nline two\n');
    assert.deepEqual(await read([`a=@${path}`, 'b=-', String.raw`c=\@x`], 'typed\n'), {
      a: 'line one\nline two\n',
      b: 'typed\n',
      c: '@x',
    });
  });

  it('merges whole objects, in the order given', async () => {
    const path = file('data.json', '{"a": [1, {"b": null}], "c": true}');
    assert.deepEqual(await read(['c=no', `@${path}`, '-', 'e=5'], '{"d": 2.5}'), {
      a: [1, { b: null }],
      c: true,
      d: 2.5,
      e: '5',
    });
  });

  it('names the argument that is wrong, never its value', async () => {
    await refused(['nonsense'], /^Invalid key\/value pair 'nonsense': format must be key=value$/);
    await refused(
      [`k=@${directory}/absent`],
      /^Invalid key\/value pair 'k=…': open .*absent: no such file or directory$/,
    );
    await refused(['a=-', 'b=-'], /^Invalid key\/value pair 'b=…': stdin already consumed$/);
    await refused(['-'], /^Invalid key\/value pair '-': not a JSON document$/, '{"password": hunter2');
    await refused(['-'], /not a JSON object$/, '["hunter2"]');
  });

  it('leaves stdin alone when it is not asked for', async () => {
    const stdin = Readable.from(['x']);
    await readDataArguments(['a=b'], stdin);
    assert.equal(stdin.readableDidRead, false);
  });
});

describe('readTextArguments', () => {
  it('gives lists of text', async () => {
    const data = await readTextArguments(['a=x', 'a=y', '-'], Readable.from(['{"n": 3, "t": true}']));
    assert.deepEqual(data, { a: ['x', 'y'], n: ['3'], t: ['true'] });
    await assert.rejects(readTextArguments(['-'], Readable.from(['{"o": {}}'])), /"o" is not plain text/);
  });
});
