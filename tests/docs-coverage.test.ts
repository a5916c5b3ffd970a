/** Every example in the documentation is executed by a test, and docs/database can be read in order. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  type Block,
  blocksOf,
  documentationPages,
  EXECUTORS,
  NOT_EXECUTED,
  pagesInOrder,
  readPage,
} from './documentation.ts';

const INDEX = 'docs/database/README.md';

function isExecuted(block: Block): boolean {
  return EXECUTORS.some(({ page, takes }) => page === block.page && takes(block));
}

function isExcused(block: Block): boolean {
  return NOT_EXECUTED.some(({ page, firstLine }) => page === block.page && block.text.split('\n')[0] === firstLine);
}

describe('the examples of the documentation', () => {
  for (const page of documentationPages()) {
    it(`${page}: are executed, or it is said why not`, () => {
      const blocks = blocksOf(page);
      for (const [index, block] of blocks.entries()) {
        const before = blocks[index - 1];
        // What a command prints is compared by the test that runs the command.
        const isOutput = block.kind === 'text' && before !== undefined && isExecuted(before);
        assert.ok(isOutput || isExecuted(block) || isExcused(block), `no test executes:\n${block.text}`);
        assert.ok(!(isExecuted(block) && isExcused(block)), `executed after all:\n${block.text}`);
      }
    });
  }

  it('are given to tests that are there and take them', () => {
    for (const { page, test, takes } of EXECUTORS) {
      const code = readFileSync(join(import.meta.dirname, test), 'utf8');
      assert.ok(blocksOf(page).some(takes), `${test} has nothing to execute on ${page}`);
      assert.match(code, /executedBlocks\(|pagesInOrder\(|docs\/production\.md/, test);
    }
  });

  it('that are not executed are still there', () => {
    for (const { page, firstLine } of NOT_EXECUTED) {
      assert.ok(
        blocksOf(page).some(({ text }) => text.split('\n')[0] === firstLine),
        `${page}: ${firstLine}`,
      );
    }
  });
});

describe('docs/database', () => {
  const order = pagesInOrder()
    .slice(1)
    .map((page) => page.slice('docs/database/'.length));

  it('has each page in its index, once', () => {
    const pages = documentationPages().filter((page) => page.startsWith('docs/database/') && page !== INDEX);
    assert.deepEqual([...order].sort(), pages.map((page) => page.slice('docs/database/'.length)).sort());
  });

  it('leads from each page to the next', () => {
    for (const [index, file] of order.entries()) {
      const next = order[index + 1];
      const [, link] =
        /^Next: \[[^\]]+\]\(([^)]+)\)\.?$/m.exec(
          readPage(`docs/database/${file}`).trimEnd().split('\n').at(-1) ?? '',
        ) ?? [];
      assert.equal(link, next ?? '../auth.md', file);
    }
  });

  it('has no link that leads nowhere', () => {
    for (const page of documentationPages()) {
      for (const [, target = ''] of readPage(page).matchAll(/\]\((?!https?:)([^)#\s]+)/g)) {
        assert.doesNotThrow(() => readPageOrFolder(join(page, '..', target)), `${page}: ${target}`);
      }
    }
  });
});

function readPageOrFolder(path: string): void {
  if (path.endsWith('.md')) readPage(path);
}
