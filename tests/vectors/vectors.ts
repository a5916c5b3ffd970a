import { readFileSync } from 'node:fs';

/** The lines of `NAME.jsonl`, the reference's own, and of `NAME-more.jsonl`, made in the same way for what was once wrong. */
export function vectorsOf<T>(name: string): T[] {
  return [name, `${name}-more`].flatMap((file) =>
    readFileSync(new URL(`${file}.jsonl`, import.meta.url), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T),
  );
}
