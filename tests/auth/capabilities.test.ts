/** Which capability each operation of each path needs, as Vault 1.21 has it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Core } from '@coffer/core';
import type { IncomingRequest, Path } from '@coffer/framework';
import { openEveryEngine } from '../every-engine.ts';
import { type Api, startAuthServer, textOf } from './api.ts';

/**
 * Typed by hand from hashicorp/vault v1.21.0: an operation that is written has an ExistenceCheck there (a write is `create` or
 * `update`) or has none (it is always `update`), and `sudo` is what vault/logical_system.go and vault/token_store.go list under
 * PathsSpecial.Root (`+sudo`: for that operation alone). `open` needs no token; where Vault asks for none and this is stricter, it says so.
 */
const TABLE = `
database/config                                  list
database/config/:name                            read create/update delete
database/reset/:name                             update
database/reload/:plugin_name                     update
database/rotate-root/:name                       update
database/roles                                   list
database/roles/:name                             read create/update delete
database/creds/:name                             read
database/static-roles                            list
database/static-roles/:name                      read create/update delete
database/static-creds/:name                      read
database/rotate-role/:name                       update

sys/seal-status                                  open
sys/health                                       open
sys/leader                                       open
sys/ha-status                                    read
sys/init                                         open
sys/unseal                                       open
sys/in-flight-req                                read
sys/seal                                         sudo update
sys/step-down                                    sudo update
sys/rotate                                       sudo update
sys/rotate/keyring                               sudo update
sys/rotate/config                                read update
sys/key-status                                   read
sys/mounts                                       read
sys/mounts/:path*/tune                           read update
sys/mounts/:path*                                read update delete
sys/remount                                      sudo update
sys/remount/status/:migration_id                 read
sys/auth                                         read
sys/auth/:path*/tune                             sudo read update
sys/auth/:path*                                  sudo read update delete
sys/leases                                       sudo read
sys/leases/lookup                                list+sudo update
sys/leases/lookup/:prefix*                       sudo list
sys/leases/count                                 read
sys/leases/renew                                 update
sys/leases/renew/:lease_id*                      update
sys/renew                                        update
sys/renew/:lease_id*                             update
sys/leases/revoke                                update
sys/leases/revoke/:lease_id*                     update
sys/revoke                                       update
sys/revoke/:lease_id*                            update
sys/leases/revoke-prefix/:prefix*                sudo update
sys/revoke-prefix/:prefix*                       sudo update
sys/locked-users                                 read
sys/locked-users/:mount_accessor/unlock/:alias_identifier* update
sys/quotas/config                                read update
sys/quotas/rate-limit                            list
sys/quotas/rate-limit/:name                      read update delete
sys/leases/revoke-force/:prefix*                 sudo update
sys/revoke-force/:prefix*                        sudo update
sys/policies/acl                                 list
sys/policies/acl/:name                           read update delete
sys/policy                                       read list
sys/policy/:name                                 read update delete
sys/audit                                        sudo read
sys/audit/:path*                                 sudo update delete
sys/audit-hash/:path*                            update
sys/config/auditing/request-headers              sudo read
sys/config/auditing/request-headers/:header      sudo read update delete
sys/policies/password                            list
sys/policies/password/:name                      read update delete
sys/policies/password/:name/generate             read
sys/capabilities                                 update
sys/capabilities-self                            update
sys/capabilities-accessor                        update
sys/plugins/catalog                              read
sys/plugins/catalog/database                     sudo list
sys/plugins/catalog/auth                         sudo list
sys/plugins/catalog/secret                       sudo list
sys/plugins/catalog/:type/:name                  sudo read update delete
sys/plugins/catalog/:name                        sudo read update delete
sys/plugins/reload/backend                       update
sys/plugins/reload/:type/:name                   update
sys/plugins/reload/backend/status                read
sys/plugins/pins                                 read
sys/plugins/pins/:type/:name                     read update delete
sys/plugins/runtimes/catalog                     read list
sys/plugins/runtimes/catalog/:type/:name         sudo read update delete
sys/tools/hash                                   update
sys/tools/hash/:urlalgorithm                     update
sys/tools/random                                 update
sys/tools/random/:source                         update
sys/tools/random/:source/:urlbytes               update
sys/host-info                                    read
sys/version-history                              list
sys/internal/counters/tokens                     read
sys/internal/counters/leases                     read
sys/internal/counters/requests                   read
sys/internal/counters/activity                   read
sys/internal/counters/activity/monthly           read
sys/internal/counters/activity/export            sudo read
sys/internal/counters/config                     read update
sys/internal/ui/mounts                           open
sys/internal/ui/mounts/:path*                    open
sys/internal/specs/openapi                       read update
sys/loggers                                      read update delete
sys/loggers/:name*                               read update delete
sys/monitor                                      read
sys/config/state/sanitized                       read
sys/config/reload/:subsystem                     update
sys/wrapping/wrap                                update
sys/wrapping/unwrap                              update
sys/wrapping/lookup                              open
sys/wrapping/rewrap                              update
cubbyhole/                                       list
cubbyhole/:cubbyhole_path*                       read create/update delete list

auth/token/create                                update
auth/token/create-orphan                         update
auth/token/create/:role_name                     update
auth/token/lookup-self                           read update
auth/token/lookup                                read update
auth/token/lookup-accessor                       update
auth/token/accessors                             sudo list
auth/token/renew-self                            update
auth/token/renew                                 update
auth/token/renew-accessor                        update
auth/token/revoke-self                           update
auth/token/revoke                                update
auth/token/revoke-orphan                         sudo update
auth/token/revoke-accessor                       update
auth/token/roles                                 list
auth/token/roles/:name                           read create/update delete

auth/approle/login                               open
auth/approle/role                                list
auth/approle/role/:role_name                     read create/update delete
auth/approle/role/:role_name/role-id             read update
auth/approle/role/:role_name/policies            read update delete
auth/approle/role/:role_name/bound-cidr-list     read update delete
auth/approle/role/:role_name/secret-id-bound-cidrs read update delete
auth/approle/role/:role_name/token-bound-cidrs   read update delete
auth/approle/role/:role_name/bind-secret-id      read update delete
auth/approle/role/:role_name/secret-id-num-uses  read update delete
auth/approle/role/:role_name/secret-id-ttl       read update delete
auth/approle/role/:role_name/period              read update delete
auth/approle/role/:role_name/token-num-uses      read update delete
auth/approle/role/:role_name/token-ttl           read update delete
auth/approle/role/:role_name/token-max-ttl       read update delete
auth/approle/role/:role_name/secret-id           list update
auth/approle/role/:role_name/secret-id/lookup    update
auth/approle/role/:role_name/secret-id/destroy   update delete
auth/approle/role/:role_name/secret-id-accessor/lookup update
auth/approle/role/:role_name/secret-id-accessor/destroy update delete
auth/approle/role/:role_name/custom-secret-id    update
auth/approle/tidy/secret-id                      update

auth/jwt/login                                   open
auth/jwt/role                                    list
auth/jwt/role/:name                              read create/update delete
auth/jwt/config                                  read update
auth/jwt/oidc/auth_url                           open
auth/jwt/oidc/callback                           open

auth/kubernetes/login                            open
auth/kubernetes/role                             list
auth/kubernetes/role/:name                       read create/update delete
auth/kubernetes/config                           read update
auth/cert/login                                  open
auth/cert/certs                                  list
auth/cert/certs/:name                            read update delete
auth/cert/crls                                   list
auth/cert/crls/:name                             read update delete
auth/cert/config                                 read update

auth/userpass/login/:username                    open
auth/userpass/users                              list
auth/userpass/users/:username                    read create/update delete
auth/userpass/users/:username/password           update
auth/userpass/users/:username/policies           update
`;
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
    const methods = ['token', 'approle', 'jwt', 'kubernetes', 'userpass'].map((method) => `auth/${method}/`);
    const paths = ['database/', 'sys/', 'cubbyhole/', ...methods].flatMap((mount) =>
      (core.services.mounts.route(mount)?.engine.paths ?? []).map((path) => ({
        pattern: mount + path.pattern,
        needs: needsOf(path),
      })),
    const paths = ['database/', 'sys/', 'auth/token/', 'auth/approle/', 'auth/cert/', 'auth/userpass/'].flatMap(
      (mount) =>
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
