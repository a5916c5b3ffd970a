/** Every example in the documentation is executed by a test, and docs/database can be read in order. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { headingsOf, linksOf } from '../scripts/site/markdown.ts';
import {
  type Block,
  blocksOf,
  documentationPages,
  EXECUTORS,
  NOT_EXECUTED,
  pagesInOrder,
  readPage,
} from './documentation.ts';
import { checkGenerated } from './generated-docs.ts';

const ROOT = resolve(import.meta.dirname, '..');
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

  it('are listed with their tests in docs/development/testing.md', async () => {
    const testsOf = Map.groupBy(EXECUTORS, ({ page }) => page);
    const inOrder = pagesInOrder();
    const rows = [...testsOf].map(([page, each]) => {
      const tests = new Set(each.map(({ test }) => relative(ROOT, join(import.meta.dirname, test))));
      if (inOrder.includes(page)) tests.add('tests/docs-in-order.test.ts');
      const link = `[${page}](../${relative('docs', page)})`;
      return `| ${link} | ${[...tests].map((test) => `\`${test}\``).join(', ')} |`;
    });
    await checkGenerated('development/testing.md', 'pages', ['| page | tests |', '| --- | --- |', ...rows].join('\n'));
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
});

describe('the links between the pages of the documentation', () => {
  const everything = [...documentationPages(), 'CHANGELOG.md', 'SECURITY.md'];

  for (const page of everything) {
    it(`${page}: lead to a file, and to a heading of it`, () => {
      for (const link of linksOf(readPage(page)).filter((each) => !/^[a-z]+:/.test(each))) {
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? page : join(page, '..', file);
        assert.ok(existsSync(join(import.meta.dirname, '..', target)), `${page}: ${link}: no such file`);
        if (anchor === undefined) continue;
        const anchors = headingsOf(readPage(target)).map(({ id }) => id);
        assert.ok(anchors.includes(anchor), `${page}: ${link}: its headings are ${anchors.join(', ')}`);
      }
    });
  }
});
