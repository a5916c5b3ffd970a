/** Which capability each operation of each path needs, as Vault 1.21 has it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Core } from '@coffer/core';
import type { IncomingRequest, Path } from '@coffer/framework';
import { openEveryEngine } from '../every-engine.ts';
import { type Api, startAuthServer, textOf } from './api.ts';
import { TABLE } from './capabilities-table.ts';

/** Rekey and root generation change with the seal's own rules; their capabilities are tested with them. */
const ELSEWHERE = /^sys\/(rekey|rekey-recovery-key|generate-root)\//;

interface Row {
  readonly pattern: string;
  readonly needs: readonly string[];
}

const ROWS: readonly Row[] = TABLE.split('\n')
  .filter((line) => line !== '')
  .map((line) => line.split(/\s+/))
  .map(([pattern = '', ...needs]) => ({ pattern, needs: needs.sort() }));

const ALL = ['create', 'read', 'update', 'delete', 'list', 'sudo'];

describe('capabilities', () => {
  let core: Core;
  let close: () => Promise<void>;

  before(async () => {
    ({ core, close } = await openEveryEngine());
  });
  after(() => close());

  function needsOf(path: Path): string[] {
    if (path.unauthenticated) return ['open'];
    const write = path.creates ? 'create/update' : 'update';
    const needs = path.operations.map((each) => (each === 'write' ? write : each));
    const own = needs.map((each) => (each === path.sudo ? `${each}+sudo` : each));
    return [...(path.sudo === true ? ['sudo'] : []), ...own].sort();
  }

  it('of every path are those of the table, and no path is missing in it', () => {
    const methods = ['token', 'approle', 'cert', 'jwt', 'kubernetes', 'userpass'].map((method) => `auth/${method}/`);
    const paths = ['database/', 'sys/', 'cubbyhole/', 'identity/', ...methods].flatMap((mount) =>
      (core.services.mounts.route(mount)?.engine.paths ?? []).map((path) => ({
        pattern: mount + path.pattern,
        needs: needsOf(path),
      })),
    );
    const sorted = (rows: readonly Row[]): string[] =>
      rows
        .filter(({ pattern }) => !ELSEWHERE.test(pattern))
        .map(({ pattern, needs }) => `${pattern} ${needs.join(' ')}`)
        .sort();
    assert.deepEqual(sorted(paths), sorted(ROWS));
  });

  it('are asked for: with every other one, nothing is done', async () => {
    const policies = core.services.policies;
    const allowed = async (operation: IncomingRequest['operation'], path: string, capabilities: readonly string[]) => {
      await policies.put('probe', `path "*" { capabilities = ${JSON.stringify(capabilities)} }`);
      const { token } = await core.services.tokens.create(PROBE);
      const request = {
        id: randomUUID(),
        operation,
        path,
        token: token.reveal(),
        data: {},
        remoteAddress: '127.0.0.1',
      };
      return core.handle(request).then(
        () => true,
        (error: unknown) => !/permission denied/.test(String(error)),
      );
    };
    for (const { pattern, needs } of ROWS) {
      const path = pattern.replace(/:\w+\*?/g, 'x');
      for (const each of needs.filter((some) => some !== 'open' && some !== 'sudo')) {
        const [need = '', sudo = needs.includes('sudo')] = each.split('+');
        const operation = need === 'create/update' ? 'update' : (need as IncomingRequest['operation']);
        const at = operation === 'list' ? `${path}/` : path;
        // Nothing named "x" exists, so that a write that may create does.
        const capability = need === 'create/update' ? 'create' : need;
        assert.equal(
          await allowed(
            operation,
            at,
            ALL.filter((some) => some !== capability),
          ),
          false,
          `${need} ${path}`,
        );
        if (sudo === false) continue;
        assert.equal(await allowed(operation, at, [capability]), false, `${need} ${path} without sudo`);
      }
    }
  });
});

const PROBE = {
  parent: '',
  displayName: 'probe',
  policies: ['probe'],
  path: 'auth/token/create',
  meta: null,
  creationTime: Date.now(),
  creationTtl: 3600,
  expireTime: Date.now() + 3_600_000,
  explicitMaxTtl: 0,
  period: 0,
  numUses: 0,
  renewable: false,
};

describe('capabilities over HTTP', () => {
  let server: Awaited<ReturnType<typeof startAuthServer>>;
  let api: Api;
  before(async () => {
    server = await startAuthServer();
    ({ api } = server);
  });
  after(() => server.close());

  let made = 0;
  const withPolicy = async (policy: string): Promise<string> => {
    const name = `probe-${++made}`;
    await api.ok('PUT', `sys/policies/acl/${name}`, { policy });
    return textOf((await api.ok('POST', 'auth/token/create', { policies: name })).auth['client_token']);
  };
  const grant = (path: string, ...capabilities: string[]): string =>
    `path "${path}" { capabilities = ${JSON.stringify(capabilities)} }\n`;
  const denied = [403, /permission denied/] as const;

  it('for what is under sys/ are update, also for what is new', async () => {
    const updater = { token: await withPolicy(grant('sys/*', 'update')) };
    const creator = { token: await withPolicy(grant('sys/*', 'create')) };
    const writes = [
      ['sys/policies/acl/new', { policy: 'path "a" { capabilities = ["read"] }' }],
      ['sys/policy/newer', { policy: 'path "a" { capabilities = ["read"] }' }],
      ['sys/policies/password/new', { policy: 'length = 20\nrule "charset" { charset = "abcdefghij" }' }],
      ['sys/mounts/db', { type: 'database' }],
    ] as const;
    for (const [path, body] of writes) {
      await api.refused(denied, 'PUT', path, body, creator);
      await api.ok('PUT', path, body, updater);
    }
    const sudoer = { token: await withPolicy(grant('sys/auth/*', 'update', 'sudo')) };
    await api.refused(denied, 'POST', 'sys/auth/people', { type: 'userpass' }, updater);
    await api.ok('POST', 'sys/auth/people', { type: 'userpass' }, sudoer);
  });

  it('let create-orphan and a reload do without sudo, and ask lists of the catalog for it', async () => {
    const token = await withPolicy(
      grant('auth/token/create-orphan', 'update') +
        grant('sys/plugins/reload/*', 'update') +
        grant('sys/plugins/catalog/*', 'list', 'read') +
        grant('sys/plugins/catalog', 'read'),
    );
    const orphan = await api.ok('POST', 'auth/token/create-orphan', {}, { token });
    assert.equal(orphan.auth['orphan'], true);
    await api.ok('POST', 'sys/plugins/reload/backend', { plugin: 'ysql-plugin' }, { token });
    await api.ok('POST', 'sys/plugins/reload/database/ysql-plugin', {}, { token });
    for (const type of ['database', 'auth', 'secret']) {
      await api.refused(denied, 'LIST', `sys/plugins/catalog/${type}`, undefined, { token });
    }
    await api.refused(denied, 'GET', 'sys/plugins/catalog/database/ysql-plugin', undefined, { token });
    await api.ok('GET', 'sys/plugins/catalog', undefined, { token });
    const sudoer = await withPolicy(grant('sys/plugins/catalog/*', 'list', 'sudo'));
    await api.ok('LIST', 'sys/plugins/catalog/database', undefined, { token: sudoer });
  });

  it('are not asked for help, but a token is', async () => {
    const token = await withPolicy(grant('sys/rotate', 'deny'));
    for (const path of ['sys/rotate', 'sys/mounts/x', 'auth/token/accessors/', 'sys/plugins/catalog/database', 'sys']) {
      const { body } = await api.ok('GET', `${path}?help=1`, undefined, { token });
      assert.equal(typeof body['help'], 'string', path);
      await api.refused(denied, 'GET', `${path}?help=1`, undefined, { token: 'hvs.none' });
    }
  });
});
