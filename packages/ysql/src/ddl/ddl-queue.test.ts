import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Deadline, withDeadline } from '@coffer/base';
import { DdlQueue } from './ddl-queue.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Works that end when they are told to, and a log of what began (+) and ended (-). */
class Works {
  readonly log: string[] = [];
  readonly #gates = new Map<string, () => void>();

  work(name: string): () => Promise<void> {
    return async () => {
      this.log.push(`${name}+`);
      await new Promise<void>((resolve) => this.#gates.set(name, resolve));
      this.log.push(`${name}-`);
    };
  }

  async finish(name: string): Promise<void> {
    await settle();
    const open = this.#gates.get(name);
    assert.ok(open, `${name} has not started`);
    open();
    await settle();
  }
}

describe('DdlQueue', () => {
  it('runs one after the other until the server is known to keep DDL in its transaction', async () => {
    const queue = new DdlQueue();
    const works = new Works();
    const all = ['a', 'b', 'c'].map((name) => queue.run(works.work(name)));
    assert.equal(queue.load, 3);
    await works.finish('a');
    assert.equal(works.log.join(' '), 'a+ a- b+');
    queue.learn(true);
    await settle();
    assert.equal(works.log.join(' '), 'a+ a- b+ c+');
    queue.learn(false);
    all.push(queue.run(works.work('d')));
    for (const name of ['c', 'b', 'd']) await works.finish(name);
    await Promise.all(all);
    assert.equal(works.log.join(' '), 'a+ a- b+ c+ c- b- d+ d-');
    assert.equal(queue.load, 0);
  });
  it('keeps the part with privileges to one at a time', async () => {
    const queue = new DdlQueue();
    queue.learn(true);
    const works = new Works();
    const all = [
      queue.run(works.work('a')),
      queue.run(() => queue.withPrivileges(works.work('B'))),
      queue.run(() => queue.withPrivileges(works.work('C'))),
      queue.run(works.work('d')),
    ];
    for (const name of ['d', 'B', 'C', 'a']) await works.finish(name);
    await Promise.all(all);
    assert.equal(works.log.join(' '), 'a+ B+ d+ d- B- C+ C- a-');
  });
  it('gives the place of who has gone to those behind', async () => {
    const queue = new DdlQueue();
    const works = new Works();
    const client = new AbortController();
    const first = queue.run(works.work('a'));
    const gone = withDeadline(new Deadline(60_000, { gone: client.signal }), () => queue.run(works.work('b')));
    const behind = queue.run(works.work('c'));
    client.abort();
    await assert.rejects(gone, /the client disconnected/);
    await works.finish('a');
    await works.finish('c');
    await Promise.all([first, behind]);
    assert.equal(works.log.join(' '), 'a+ a- c+ c-');
    assert.equal(queue.load, 0);
  });

  it('goes on after a failure', async () => {
    const queue = new DdlQueue();
    await assert.rejects(
      queue.run(() => queue.withPrivileges(() => Promise.reject(new Error('no')))),
      /no/,
    );
    assert.equal(await queue.run(() => queue.withPrivileges(async () => 1)), 1);
  });
});
