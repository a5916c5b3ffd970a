/** Runs every command of the pages below against a server of their own, and compares what the pages say they print. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { DIST, startServer } from './coffer-process.ts';
import { asInRepository, atPlaces, vaultShell } from './docs-shell.ts';
import { blocksOf, executedBlocks } from './documentation.ts';
import { normalizeText } from './golden/normalize.ts';

const PAGES = ['docs/getting-started.md', 'docs/plugin.md', 'docs/logs.md', 'docs/backup.md'];

describe('commands in the documentation', () => {
  it('start the server as these tests do', () => {
    const [command] = blocksOf('docs/getting-started.md').filter(({ kind }) => kind === 'sh server');
    assert.equal(command?.text.trim(), 'vault server -dev -dev-root-token-id=root -dev-plugin-dir="$PWD/dist"');
  });

  for (const page of PAGES) {
    it(`${page}: print what the page says`, async () => {
      const database = await databaseUnderTest();
      const server = await startServer([`-dev-plugin-dir=${DIST}`]);
      try {
        await runPage(page, database, server.address);
      } finally {
        await server.stop();
        await database.stop();
      }
    });
  }
});

async function runPage(page: string, database: TestDatabase, address: string): Promise<void> {
  const blocks = blocksOf(page);
  const commands = executedBlocks(page, import.meta.filename);
  const here = (code: string): string => atPlaces(code, address, database);
  const script = commands.map(({ text: code }, index) => `echo "@@ ${index}"\n${here(code)}`).join('\n');
  const cwd = await asInRepository();
  const stdout = await vaultShell(script, { address, cwd }).finally(() => rm(cwd, { recursive: true }));
  const printed = stdout.split(/^@@ \d+\n/m).slice(1);
  for (const [index, block] of commands.entries()) {
    const next = blocks[blocks.findIndex(({ text: code }) => code === block.text) + 1];
    if (next?.kind === 'text') assert.equal(normalizeText(printed[index] ?? ''), normalizeText(next.text));
  }
}
