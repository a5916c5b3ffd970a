/** What docs/coffer-and-vault.md says is there can be enabled, and what it says is missing is refused by name. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startTestServer, type TestServer } from './dev-server.ts';
import { readPage } from './documentation.ts';

const PAGE = readPage('docs/coffer-and-vault.md');
/** There from the beginning, once. */
const ALWAYS = ['cubbyhole', 'identity', 'token'];

/** The words in backquotes of a cell. */
function named(row: RegExp): string[] {
  const [, cell = ''] = row.exec(PAGE) ?? [];
  const words = [...cell.matchAll(/`([\w-]+)`/g)].map(([, word = '']) => word);
  assert.ok(words.length > 1, String(row));
  return words;
}

describe('docs/coffer-and-vault.md', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());

  const enable = (where: 'mounts' | 'auth', type: string) =>
    server.client.request('POST', `sys/${where}/new-${type}`, { body: { type } });

  it('names auth methods that are there', async () => {
    for (const type of named(/^\| Auth methods \|(.*)\|$/m)) if (!ALWAYS.includes(type)) await enable('auth', type);
  });

  it('names secrets engines that are there', async () => {
    const types = named(/^\| Secrets engines \|(.*)\|$/m);
    for (const type of types) if (!ALWAYS.includes(type)) await enable('mounts', type);
    const mounts = (await server.client.read('sys/mounts'))?.data ?? {};
    for (const type of types) assert.match(JSON.stringify(mounts), new RegExp(`"type":"${type}"`));
  });

  for (const [where, row] of [
    ['mounts', /^\| (`kv`.*?) \|/m],
    ['auth', /^\| (`ldap`.*?) logins \|/m],
  ] as const) {
    it(`names what is missing among ${where}, which is refused by its name`, async () => {
      for (const type of named(row)) {
        await assert.rejects(enable(where, type), ({ message }: Error) => message.includes(type), type);
      }
    });
  }
});
