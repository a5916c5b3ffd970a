import { readFileSync } from 'node:fs';

/** The lines of `tests/vectors/NAME.jsonl`. */
export function vectors<T>(name: string): T[] {
  const text = readFileSync(new URL(`${name}.jsonl`, import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
