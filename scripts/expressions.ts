/**
 * Writes tests/expressions.json: the regular expressions of the server, each with what it takes longest on among texts that
 * repeat what it speaks of. Those that are listed keep their worst case, which may have been found by thinking.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseLiteral, serverExpressions } from '../tests/server-expressions.ts';

type WorstCase = [expression: string, front: string, repeated: string];

const FILE = join(resolve(import.meta.dirname, '..'), 'tests/expressions.json');
const LENGTH = 8_192;
const FRONTS = [
  '',
  '"',
  "'",
  '$',
  '$a$',
  '[',
  '{{',
  '://',
  'a=',
  "password='",
  'postgres://u:',
  '<<E\n',
  '/',
  '\\',
  ' ',
];
const REPEATED = [
  'a',
  '0',
  'A',
  ' ',
  '\n',
  '\t',
  'é',
  "''",
  '$a',
  '\\x',
  '=a',
  '::',
  'a=',
  ' a',
  '.0',
  '{{',
  '0_',
  '/+',
  'a.',
];

function milliseconds(expression: RegExp, text: string): number {
  const start = performance.now();
  expression.lastIndex = 0;
  if (expression.global) text.replace(expression, '');
  else expression.exec(text);
  return performance.now() - start;
}

function worstOf(expression: RegExp): [front: string, repeated: string] {
  const own = [...expression.source].filter((character) => character < '\x80');
  let worst = { took: -1, front: '', repeated: 'a' };
  for (const front of FRONTS) {
    for (const repeated of new Set([...REPEATED, ...own])) {
      const text = `${front}${repeated.repeat(LENGTH / repeated.length)}\0`;
      const took = Math.min(milliseconds(expression, text), milliseconds(expression, text));
      if (took > worst.took) worst = { took, front, repeated };
    }
  }
  return [worst.front, worst.repeated];
}

const known = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, WorstCase[]>;
const listed: Record<string, WorstCase[]> = {};
for (const { file, text, literal } of serverExpressions()) {
  const entries = (listed[file] ??= []);
  if (!literal || entries.some(([expression]) => expression === text)) continue;
  const before = known[file]?.find(([expression]) => expression === text);
  entries.push(before ?? [text, ...worstOf(parseLiteral(text))]);
}
writeFileSync(
  FILE,
  `${JSON.stringify(Object.fromEntries(Object.entries(listed).filter(([, entries]) => entries.length > 0)), undefined, 2)}\n`,
);
