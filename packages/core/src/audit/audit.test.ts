import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { createLogger, type LogEntry, silentLogger } from '@coffer/base';
import { authView, definePath, type EngineFactory } from '@coffer/framework';
import { openEmbeddedStore } from '@coffer/store';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { Core } from '../core.ts';
import { createRootToken } from '../tokens/root-token.ts';

describe('an answer that no audit device takes', () => {
  it('is taken back', async () => {
    const sockets = new Set<Socket>();
    const collector = createServer((socket) => sockets.add(socket.on('error', () => undefined).resume()));
    await new Promise<void>((done) => collector.listen(0, '127.0.0.1', done));
    const bound = collector.address();
    const port = typeof bound === 'object' ? bound?.port : 0;
    const store = await openEmbeddedStore({ path: ':memory:' });
    const core = new Core({
      ...{ store, barrier: new Barrier(createKeyring()), builtinPlugins: [], logger: silentLogger },
      audit: {
        devices: () => [
          { path: 'sock/', type: 'socket', description: '', local: false, options: { address: `127.0.0.1:${port}` } },
        ],
        rules: () => ({}),
        place: { reserved: () => [] },
      },
    });
    const { tokens } = core.services;
    let accessor = '';
    const factory: EngineFactory = () => ({
      help: '',
      paths: [
        definePath({
          pattern: 'token',
          fields: {},
          synopsis: 'Makes a token, and ends the collector.',
          write: async ({ token: caller }) => {
            const now = Date.now();
            const { token, entry } = await tokens.create({
              ...{ parent: caller?.id ?? '', displayName: '', policies: [], path: 'x/token', meta: null },
              ...{ creationTime: now, creationTtl: 60, expireTime: now + 60_000, explicitMaxTtl: 0, period: 0 },
              ...{ numUses: 0, renewable: false },
            });
            ({ accessor } = entry);
            collector.close();
            for (const socket of sockets) socket.destroy();
            await sleep(50);
            return { auth: authView({ entry, token: token.reveal(), leaseSeconds: 60, identityPolicies: [] }) };
          },
        }),
      ],
      close: () => Promise.resolve(),
    });
    core.install({ builtins: new Map([['x/', { type: 'x', description: '', factory }]]) });
    await core.start();
    try {
      const root = await createRootToken(tokens, 'root');
      const asked = {
        id: randomUUID(),
        operation: 'update',
        path: 'x/token',
        data: {},
        remoteAddress: '127.0.0.1',
      } as const;
      await assert.rejects(core.handle({ ...asked, token: root.reveal() }), {
        code: 'failed',
        message: /internal error/,
      });
      assert.notEqual(accessor, '', 'the request was served');
      assert.equal(await tokens.byAccessor(accessor), undefined);
      assert.deepEqual(core.services.audit.failures, { request: 0, response: 1 });
    } finally {
      await core.stop();
      await store.close();
    }
  });
});

describe('a device and a header of one node', () => {
  it('are those of another one before its next request, until they are taken away', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'coffer-audit-nodes-'));
    const store = await openEmbeddedStore({ path: ':memory:' });
    const barrier = new Barrier(createKeyring());
    const nodes: Core[] = [];
    const start = async (): Promise<Core> => {
      const core = new Core({ store, barrier, builtinPlugins: [], logger: silentLogger });
      const path = definePath({
        pattern: 'open',
        fields: {},
        synopsis: 'Answers.',
        unauthenticated: true,
        read: async () => ({ data: {} }),
      });
      const factory: EngineFactory = () => ({ help: '', paths: [path], close: () => Promise.resolve() });
      core.install({ builtins: new Map([['x/', { type: 'x', description: '', factory }]]) });
      await core.start();
      nodes.push(core);
      return core;
    };
    const headers = new Map([['x-a', ['b']]]);
    const ask = (core: Core) =>
      core.handle({
        id: randomUUID(),
        operation: 'read',
        path: 'x/open',
        token: '',
        data: {},
        remoteAddress: '::1',
        headers,
      });
    const file = join(directory, 'audit.log');
    const lines = (): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');
    try {
      const [one, other] = [await start(), await start()];
      await ask(other);
      const { table } = one.services.audit;
      await table.enable('file/', { type: 'file', description: '', local: false, options: { file_path: file } });
      await ask(other);
      assert.deepEqual(lines().length, 3);
      await one.services.audit.headers.set('X-A', false);
      await ask(other);
      assert.match(lines().at(-1) ?? '', /"headers":\{"x-a":\["b"\]\}/);
      // One that starts later has them too, with the same hashes.
      const later = await start();
      await ask(later);
      assert.equal(lines().length, 7);
      const hashOf = (core: Core): string | undefined => core.services.audit.table.find('file/')?.device?.hash('v');
      assert.equal(hashOf(later), hashOf(one));
      await table.disable('file/');
      for (const core of nodes) await ask(core);
      assert.equal(lines().length, 7);
    } finally {
      for (const core of nodes) await core.stop();
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe('a device that is disabled while an answer is made into a line', () => {
  const NAMES = Array.from({ length: 50_000 }, (_, index) => `name-${index}`);
  for (const [what, others] of [
    ['the only one', []],
    ['one of two', ['other']],
  ] as const) {
    it(`refuses nobody, and has not failed: ${what}`, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'coffer-audit-'));
      const log: LogEntry[] = [];
      const store = await openEmbeddedStore({ path: ':memory:' });
      const core = new Core({
        ...{ store, barrier: new Barrier(createKeyring()), builtinPlugins: [] },
        logger: createLogger('', 'debug', (entry) => log.push(entry)),
      });
      const { tokens, audit } = core.services;
      let disabled: Promise<void> | undefined;
      const factory: EngineFactory = () => ({
        help: '',
        paths: [
          definePath({
            pattern: 'names',
            fields: {},
            synopsis: 'Answers many names, and disables a device meanwhile.',
            read: async () => {
              disabled = audit.table.disable('gone/');
              return Promise.resolve({ data: { names: NAMES } });
            },
          }),
        ],
        close: () => Promise.resolve(),
      });
      core.install({ builtins: new Map([['x/', { type: 'x', description: '', factory }]]) });
      await core.start();
      try {
        const root = await createRootToken(tokens, 'root');
        for (const name of ['gone', ...others]) {
          const options = { file_path: join(directory, name) };
          await audit.table.enable(`${name}/`, { type: 'file', description: '', local: false, options });
        }
        const asked = {
          id: randomUUID(),
          operation: 'read',
          path: 'x/names',
          data: {},
          remoteAddress: '127.0.0.1',
        } as const;
        assert.ok((await core.handle({ ...asked, token: root.reveal() })) !== undefined);
        await disabled;
        const linesOf = (name: string) =>
          readFileSync(join(directory, name), 'utf8')
            .split('\n')
            .filter((line) => line.includes(asked.id));
        assert.equal(linesOf('gone').length, 1, 'it was gone before the line of the answer was made');
        for (const name of others) assert.equal(linesOf(name).length, 2);
        assert.deepEqual(audit.failures, { request: 0, response: 0 });
        assert.deepEqual(
          log.filter(({ level }) => level === 'error'),
          [],
        );
      } finally {
        await core.stop();
        await store.close();
        rmSync(directory, { recursive: true, force: true });
      }
    });
  }
});
