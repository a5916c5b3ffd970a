/** docs/words.md says what our words mean, and where they are at home. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readPage } from './documentation.ts';

const DOCS = join(import.meta.dirname, '..', 'docs');

interface Word {
  readonly term: string;
  readonly meaning: string;
  readonly file: string;
}

/** Each is an item of a list, with the file as the link at its end. */
function readWords(): Word[] {
  const items = readPage('docs/words.md').split(/^- /m).slice(1);
  return items.map((item) => {
    const text = item.split(/\n\n/)[0] ?? '';
    const [, term, meaning, file] = /^\*\*(.+?)\*\*: (.+) \(\[[\w.-]+\]\((.+)\)\)$/s.exec(text.trimEnd()) ?? [];
    assert.ok(term !== undefined && meaning !== undefined && file !== undefined, `not a word and its file: ${text}`);
    return { term, meaning, file };
  });
}

/** As words of plain text: without the marks of a comment, and with identifiers taken apart. */
function plainText(code: string): string {
  return code
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replace(/[^A-Za-z]+/g, ' ')
    .toLowerCase();
}

describe('docs/words.md', () => {
  const words = readWords();

  it('fits on one page', () => {
    assert.ok(words.length >= 40, `${words.length} words`);
    assert.ok(readPage('docs/words.md').split('\n').length <= 150);
  });

  for (const { term, meaning, file } of words) {
    it(`says in one sentence what "${term}" is, and where`, () => {
      assert.doesNotMatch(meaning, /[.!?]\s/);
      const text = ` ${plainText(readFileSync(join(DOCS, file), 'utf8'))}`;
      assert.ok(text.includes(` ${term}`), `${file} does not speak of it`);
    });
  }

  it('has each word once', () => {
    assert.equal(new Set(words.map(({ term }) => term)).size, words.length);
  });

  it('can be found', () => {
    assert.match(readPage('CONTRIBUTING.md'), /\(docs\/words\.md\)/);
    assert.match(readPage('README.md'), /\(docs\/words\.md\)/);
  });
});
