import { existsSync, readFileSync } from 'node:fs';

/** The lines of `NAME.jsonl`, the reference's own, and of `NAME-more.jsonl`, made in the same way for what was once wrong. */
export function vectorsOf<T>(name: string): T[] {
  return [name, `${name}-more`]
    .map((file) => new URL(`${file}.jsonl`, import.meta.url))
    .filter((file) => existsSync(file))
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
