/** Answers that are ready together go out together, each as one write, and none keeps another one back. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setImmediate as round } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createLogger, type LogEntry } from '@coffer/base';
import type { OutgoingResponse, RequestHandler } from '@coffer/framework';
import { getRequest, withEdge } from './edge-fixture.ts';
import { Outbox } from './outbox.ts';
import { RawClient } from './raw-client-fixture.ts';

describe('an outbox', () => {
  it('sends what came in one round at its end: in order, and with nothing in between', async () => {
    const outbox = new Outbox();
    const sent: string[] = [];
    const send = (name: string) => (): void => {
      queueMicrotask(() => sent.push(`after ${name}`));
      process.nextTick(() => sent.push(`next to ${name}`));
      sent.push(name);
    };
    outbox.add(send('a'));
    await Promise.resolve();
    outbox.add(send('b'));
    await new Promise((resolve) => process.nextTick(resolve));
    outbox.add(send('c'));
    assert.deepEqual(sent, []);
    await round();
    assert.deepEqual(sent.slice(0, 3), ['a', 'b', 'c']);
    assert.equal(sent.length, 9);
  });

  it('sends what comes while it sends in the next round', async () => {
    const outbox = new Outbox();
    const sent: string[] = [];
    outbox.add(() => {
      sent.push('first');
      outbox.add(() => sent.push('third'));
    });
    outbox.add(() => sent.push('second'));
    await round();
    assert.deepEqual(sent, ['first', 'second']);
    await round();
    assert.deepEqual(sent, ['first', 'second', 'third']);
  });

  it('sends the others when one throws, which is not hushed up', async () => {
    const script = `
      import { Outbox } from ${JSON.stringify(new URL('outbox.ts', import.meta.url).href)};
      const outbox = new Outbox();
      process.on('uncaughtException', ({ message }) => console.log(message));
      outbox.add(() => console.log('before'));
      outbox.add(() => { throw new Error('thrown on purpose'); });
      outbox.add(() => console.log('after'));
      setTimeout(() => outbox.add(() => console.log('later')), 20);`;
    // The test runner takes what nobody has caught in its own process.
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    assert.deepEqual(stdout.trim().split('\n'), ['before', 'after', 'thrown on purpose', 'later']);
  });
});

/** Notes what servers give to the system over connections that come from now on. */
class WatchedWrites {
  readonly all: string[] = [];

  constructor() {
    subscribe('net.server.socket', this.#watch);
  }

  stop(): void {
    unsubscribe('net.server.socket', this.#watch);
  }

  readonly #watch = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    const [write, writev] = [socket._write.bind(socket), socket._writev?.bind(socket)];
    socket._write = (chunk: unknown, ...rest) => {
      this.all.push(String(chunk));
      write(chunk, ...rest);
    };
    socket._writev = (chunks, done) => {
      for (const { chunk } of chunks) this.all.push(String(chunk));
      writev?.(chunks, done);
    };
  };
}

describe('an answer', () => {
  it('is one write, its head and its body, and arrives as one piece', async () => {
    const answers: Readonly<Record<string, OutgoingResponse | undefined>> = {
      small: { data: { key: 'value' } },
      raw: { shape: 'raw', data: { text: 'ä'.repeat(2_000) } },
      none: undefined,
    };
    const handle: RequestHandler = async ({ path }) => answers[path];
    await withEdge({ handle }, async (port) => {
      const watch = new WatchedWrites();
      try {
        for (const path of Object.keys(answers)) {
          const before = watch.all.length;
          const socket = connect(port, '127.0.0.1');
          socket.write(getRequest(path));
          const [piece] = (await once(socket, 'data')) as [Buffer];
          const text = piece.toString();
          const [head = '', body = ''] = text.split('\r\n\r\n');
          assert.equal(Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0), Buffer.byteLength(body));
          assert.deepEqual(watch.all.slice(before), [text]);
          socket.destroy();
        }
      } finally {
        watch.stop();
      }
    });
  });

  it('goes out after all that are ready in the same round, in their order', async () => {
    const open = Promise.withResolvers<void>();
    const watch = new WatchedWrites();
    let entered = 0;
    const handle: RequestHandler = async ({ path }) => {
      entered++;
      await open.promise;
      // Not all are ready at the same moment.
      for (let wait = 0; wait < 100 * Number(path); wait++) await Promise.resolve();
      watch.all.push(`ready ${path}`);
      return { shape: 'raw', data: { path } };
    };
    const each = (what: string): string[] => Array.from({ length: 8 }, (_, index) => `${what} ${index}`);
    await withEdge({ handle }, async (port) => {
      const clients = each('client').map(() => RawClient.to(port));
      for (const [index, client] of clients.entries()) await client.send(getRequest(String(index)));
      while (entered < clients.length) await round();
      open.resolve();
      for (const [index, client] of clients.entries()) {
        assert.equal((await client.response()).body, `{"path":"${index}"}\n`);
        client.close();
      }
    });
    watch.stop();
    const seen = watch.all.map((text) => text.replace(/^HTTP.*"path":"(\d+)".*$/s, 'sent $1'));
    assert.deepEqual(seen, [...each('ready'), ...each('sent')]);
  });

  it('that cannot be sent is logged, and ends its connection; the others go out', async () => {
    const entries: LogEntry[] = [];
    const logger = createLogger('http', 'error', (entry) => entries.push(entry));
    const open = Promise.withResolvers<void>();
    let entered = 0;
    const handle: RequestHandler = async ({ path }) => {
      entered++;
      await open.promise;
      // No status that there is.
      return { status: path === 'bad' ? 1_000 : 200, shape: 'raw', data: { path } };
    };
    await withEdge({ handle, logger }, async (port) => {
      const [before, bad, after] = [RawClient.to(port), RawClient.to(port), RawClient.to(port)];
      await before.send(getRequest('before'));
      await bad.send(getRequest('bad'));
      await after.send(getRequest('after'));
      while (entered < 3) await round();
      open.resolve();
      for (const client of [before, after]) assert.equal((await client.response()).status, 200);
      assert.equal(await bad.ended(), '');
      for (const client of [before, after]) client.close();
    });
    assert.deepEqual(
      entries.map(({ message, fields }) => [message, fields.error]),
      [['internal error', 'Invalid status code: 1000']],
    );
  });
});
