/** What a seal leaves in memory where the process is not replaced (a server in development): no key that was a buffer. */
import assert from 'node:assert/strict';
import { open, readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { openEmbeddedStore } from '@coffer/store';
import { eventually } from '@coffer/testkit';
import { combineShares } from './key-shares.ts';
import { wipeKeyring } from '../barrier/keyring.ts';
import { createSealRows, openKeyring, openRootKey } from './seal-rows.ts';
import { makeSealable } from './sealable-fixture.ts';

const CHUNK_BYTES = 1024 * 1024;
/** What is looked for must not be in memory because of that: it is kept, and compared, with every bit turned. */
function turned(bytes: Uint8Array): Buffer {
  const result = Buffer.alloc(bytes.length);
  for (let index = 0; index < bytes.length; index++) result[index] = ~(bytes[index] ?? 0);
  return result;
}

async function findInOwnMemory(needles: ReadonlyMap<string, Buffer>): Promise<string[]> {
  const found = new Set<string>();
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const maps = await readFile('/proc/self/maps', 'utf8');
  await using memory = await open('/proc/self/mem');
  for (const [, start = '', end = ''] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm)) {
    const to = Number.parseInt(end, 16);
    for (let at = Number.parseInt(start, 16); at < to; at += CHUNK_BYTES - 64) {
      const length = Math.min(CHUNK_BYTES, to - at);
      const { bytesRead } = await memory.read(chunk, 0, length, at).catch(() => ({ bytesRead: 0 }));
      for (let index = 0; index < bytesRead; index++) chunk[index] = ~(chunk[index] ?? 0);
      const read = chunk.subarray(0, bytesRead);
      for (const [name, needle] of needles) if (read.includes(needle)) found.add(name);
      // Where what is kept turned was read, it stands here turned back: the scan must not find itself.
      chunk.fill(0);
    }
  }
  return [...found].sort();
}

describe('the memory of a process after a seal', { skip: process.platform !== 'linux' }, () => {
  it('holds no key and no share', async () => {
    const store = await openEmbeddedStore({ path: ':memory:' });
    const core = makeSealable({ store });
    await core.start();
    const { unsealShares } = await core.init({ unseal: { shares: 3, threshold: 2 } });
    const record = await createSealRows(store).read();
    assert.ok(record);
    const unsealKey = await combineShares(unsealShares.slice(1));
    const rootKey = openRootKey(unsealKey, record);
    const keyring = openKeyring(rootKey, record);
    const needles = new Map([
      ['the unseal key', turned(unsealKey)],
      ['the root key', turned(rootKey)],
      ['the data key', turned(keyring.keys.get(1)?.key ?? Buffer.of())],
      ['the HMAC key', turned(keyring.hmacKey)],
      ...unsealShares.map((share, index) => [`share ${index}`, turned(share)] as const),
    ]);
    wipeKeyring(keyring);
    for (const key of [unsealKey, rootKey]) key.fill(0);
    for (const share of unsealShares.slice(0, 2)) await core.unseal(share);
    await core.rotate();
    for (const share of unsealShares) share.fill(0);
    const before = await findInOwnMemory(needles);
    for (const name of ['the data key', 'the HMAC key', 'the root key']) assert.ok(before.includes(name), name);

    await core.stop();
    let found: readonly string[] = [];
    await eventually(
      async () => (found = await findInOwnMemory(needles)).length === 0,
      () => `found: ${found.join()}`,
      { everyMs: 200 },
    );
    await store.close();
  });
});
