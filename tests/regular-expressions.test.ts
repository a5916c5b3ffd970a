/**
 * No input hangs the loop: every regular expression that the server runs is listed with its worst case, and is done with a
 * mebibyte of it at once.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { BUILT, EXPRESSIONS } from './expression-table.ts';
import { parseLiteral, serverExpressions } from './server-expressions.ts';

const LENGTH = 1024 * 1024;
/** For all of them. One that takes the square of the length alone takes hours. */
const PATIENCE_MS = 120_000;

interface Job {
  readonly name: string;
  readonly source: string;
  readonly flags: string;
  readonly front: string;
  readonly repeated: string;
}

/** A loop that hangs cannot be called off, so it is another thread's. */
const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
for (const { name, source, flags, front, repeated } of workerData.jobs) {
  parentPort.postMessage(name);
  const expression = new RegExp(source, flags);
  const text = front + repeated.repeat(Math.ceil(workerData.length / repeated.length)) + '\\0';
  if (flags.includes('g')) text.replace(expression, '');
  else expression.exec(text);
}
`;

async function runAll(jobs: readonly Job[]): Promise<void> {
  let last = '';
  const worker = new Worker(WORKER, { eval: true, workerData: { jobs, length: LENGTH } });
  worker.on('message', (name: string) => (last = name));
  const timer = setTimeout(() => {
    worker.terminate().catch(() => undefined);
  }, PATIENCE_MS);
  const [code] = (await once(worker, 'exit')) as [number];
  clearTimeout(timer);
  assert.equal(code, 0, `this one does not end: ${last}`);
}

function jobOf(name: string, { source, flags }: RegExp, front: string, repeated: string): Job {
  return { name, source, flags, front, repeated };
}

describe('the regular expressions of the server', () => {
  const found = serverExpressions();

  it('are all listed, and nothing else is', () => {
    const listed = Object.entries(EXPRESSIONS).flatMap(([file, entries]) => entries.map(([text]) => `${file} ${text}`));
    const present = found.filter(({ literal }) => literal).map(({ file, text }) => `${file} ${text}`);
    assert.deepEqual([...new Set(present)].sort(), listed.sort());
  });

  it('are made of constants, where they are put together', () => {
    const present = found.filter(({ literal }) => !literal).map(({ file, text }) => `${file} ${text}`);
    const listed = BUILT.map(({ file, text }) => `${file} ${text}`);
    assert.deepEqual(
      present.filter((each) => !listed.includes(each)),
      [],
    );
  });

  it('are soon done with a mebibyte of what they like least', { timeout: 2 * PATIENCE_MS }, async () => {
    const literals = Object.entries(EXPRESSIONS).flatMap(([file, entries]) =>
      entries.map(([text, front, repeated]) => jobOf(`${file} ${text}`, parseLiteral(text), front, repeated)),
    );
    const built = BUILT.map(({ file, text, sample, worst }) => jobOf(`${file} ${text}`, sample, ...worst));
    await runAll([...literals, ...built]);
  });
});
