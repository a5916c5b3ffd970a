/** What a node keeps is as new as the store when a request began, whatever was written, missed or forgotten meanwhile. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { PROCESS_ID } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { type ChangeKey, Epochs } from './epochs.ts';

const OTHER_NODE = 'another process';

describe('epochs', () => {
  let store: Store;
  let told: (readonly string[] | 'anything')[];
  before(async () => (store = await openEmbeddedStore({ path: ':memory:' })));
  after(() => store.close());
  beforeEach(() => (told = []));

  const node = async (): Promise<Epochs> => {
    const epochs = new Epochs(store);
    epochs.follow('color', (names) => void told.push(names ?? 'anything'));
    await epochs.begin();
    return epochs;
  };
  const write = async (...keys: ChangeKey[]): Promise<number> => {
    const writer = new Epochs(store);
    await writer.write(keys, []);
    await writer.begin();
    return writer.seen;
  };
  const fromOther = () => store.run('UPDATE changes SET node = $1', [OTHER_NODE]);

  it('tell what has changed since they were read, each once, and nothing of before', async () => {
    await write('color/before');
    const epochs = await node();
    await write('color/red', 'shape/circle');
    await write('color/a/b');
    const last = await write('color/red');
    await epochs.catchUp(last);
    assert.deepEqual(told, [['red', 'a/b']]);
    assert.equal(epochs.seen, last);
    await epochs.catchUp(last);
    await epochs.refresh();
    assert.equal(told.length, 1);
  });

  it('are counted in the transaction of what they tell of, or not at all', async () => {
    const epochs = await node();
    const bad = { sql: 'INSERT INTO policies (name, value) VALUES (NULL, NULL)' };
    await assert.rejects(epochs.write(['color/red'], [bad]));
    await epochs.refresh();
    assert.deepEqual(told, []);
    const good = { sql: "INSERT INTO policies (name, value) VALUES ('p', $1) RETURNING name", params: [Buffer.of(1)] };
    for (const options of [{}, { oneAfterTheOther: true }]) {
      const [result, ...others] = await epochs.write(['color/red'], [good], options);
      assert.deepEqual([result?.rows, others], [[{ name: 'p' }], []]);
      await store.run('DELETE FROM policies');
    }
    await epochs.refresh();
    assert.deepEqual(told, [['red']]);
  });

  it('that were missed for too long, or forgotten, say that anything may have changed', async () => {
    const epochs = await node();
    const from = epochs.seen;
    for (let count = 0; count < 3; count++) await write('color/red');
    await store.run('DELETE FROM changes WHERE epoch = $1', [from + 1]);
    await epochs.refresh();
    assert.deepEqual([told, epochs.seen], [['anything'], from + 3]);
    await write('color/red');
    await store.run('DELETE FROM changes');
    await epochs.refresh();
    assert.deepEqual([told, epochs.seen], [['anything', 'anything'], from + 4]);
    const rows = Array.from({ length: 1_500 }, (_, index) => `(${from + 5 + index}, 'n', '{"keys":["color/x"]}')`);
    await store.run(`INSERT INTO changes (epoch, node, what) VALUES ${rows.join(', ')}`);
    await store.run('UPDATE epoch SET epoch = epoch + 1500');
    await epochs.refresh();
    assert.deepEqual([told.at(-1), epochs.seen], ['anything', from + 1_504]);
  });

  it('are forgotten by the ten thousand', async () => {
    const epochs = await node();
    await write('color/red');
    await epochs.prune();
    const left = async () => (await store.run('SELECT epoch FROM changes')).rows.length;
    assert.ok((await left()) > 0);
    await store.run('UPDATE epoch SET epoch = epoch + 20000');
    await epochs.refresh();
    await epochs.prune();
    assert.equal(await left(), 0);
  });

  it('bring messages to the other nodes only', async () => {
    const heard: unknown[] = [];
    const epochs = await node();
    epochs.listen('word', (names) => void heard.push(names));
    const last = await write('word/mine');
    await epochs.catchUp(last);
    assert.deepEqual(heard, []);
    await write('word/theirs');
    await fromOther();
    await epochs.refresh();
    assert.deepEqual(heard, [['theirs']]);
    assert.notEqual(PROCESS_ID, OTHER_NODE);
  });

  it('are not seen before everything that follows them is done; whoever fails tries again', async () => {
    const epochs = new Epochs(store);
    const order: string[] = [];
    let attempts = 0;
    epochs.follow('first', async () => {
      if (++attempts === 1) throw new Error('the store is away');
      order.push('first');
    });
    epochs.follow('second', () => void order.push('second'));
    await epochs.begin();
    const before = epochs.seen;
    const last = await write('second/x', 'first/x');
    await assert.rejects(epochs.catchUp(last), /away/);
    assert.equal(epochs.seen, before);
    await Promise.all([epochs.catchUp(last), epochs.catchUp(last - 1), epochs.refresh()]);
    assert.deepEqual([order, epochs.seen], [['first', 'second'], last]);
  });

  it('appear in order and without gaps, however many write at once', async () => {
    const epochs = await node();
    const from = epochs.seen;
    const writers = Array.from({ length: 40 }, (_, index) =>
      new Epochs(store).write([`color/${index}`], [], { oneAfterTheOther: index % 2 === 0 }),
    );
    const readers = Array.from({ length: 20 }, () => epochs.refresh());
    await Promise.all([...writers, ...readers]);
    await epochs.refresh();
    assert.equal(epochs.seen, from + 40);
    assert.equal(new Set(told.flat()).size, 40);
    assert.ok(!told.includes('anything'));
  });
});
