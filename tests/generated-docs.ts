/** Parts of the documentation that tests make: compared, or written with UPDATE_DOCS=1 (`npm run docs`). */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const docs = resolve(import.meta.dirname, '..', 'docs');

/** The part of a page between `<!-- generated: NAME -->` and `<!-- /generated -->` must be `text`. */
export async function checkGenerated(page: string, name: string, text: string): Promise<void> {
  const file = join(docs, page);
  const before = await readFile(file, 'utf8');
  const pattern = new RegExp(`(<!-- generated: ${name} [^>]*-->\\n)[\\s\\S]*?(<!-- /generated -->)`);
  assert.match(before, pattern, `${page} has a place for ${name}`);
  const wanted = before.replace(pattern, (_, open: string, close: string) => `${open}\n${text.trim()}\n\n${close}`);
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(file, wanted);
  else assert.equal(before, wanted, `docs/${page} is out of date: run npm run docs`);
}
