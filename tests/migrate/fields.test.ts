/** What `migrate vault` takes for known here is what the server takes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FIELD_ALIASES } from '@coffer/yb-connection';
import { YSQL_FIELDS } from '@coffer/ysql';
import {
  APPROLE_FIELDS,
  RENAMED,
  ROLE_FIELDS,
  SECRET_FIELDS,
  STATIC_ROLE_FIELDS,
  TUNED,
  YSQL_FIELDS as CARRIED,
} from '../../packages/cli/src/commands/migrate/carried-fields.ts';
import { startTestServer, type TestServer } from '../dev-server.ts';

interface Operation {
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
}
interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
}
interface OpenApi {
  readonly paths: Readonly<Record<string, { readonly post?: Operation }>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

describe('the fields that migrate vault carries', () => {
  let server: TestServer;
  let document: OpenApi;
  before(async () => {
    server = await startTestServer();
    await server.client.request('POST', 'sys/mounts/database', { body: { type: 'database' } });
    await server.client.request('POST', 'sys/auth/approle', { body: { type: 'approle' } });
    document = (await server.client.request('GET', 'sys/internal/specs/openapi')).body as unknown as OpenApi;
  });
  after(() => server.close());

  /** What a write to the path that ends so takes. */
  function fieldsOf(end: RegExp): string[] {
    const [, operations] = Object.entries(document.paths).find(([path, { post }]) => post && end.test(path)) ?? [];
    const schema = operations?.post?.requestBody?.content['application/json'].schema;
    const name = schema?.$ref?.split('/').at(-1) ?? '';
    return Object.keys((document.components?.schemas?.[name] ?? schema)?.properties ?? {});
  }

  it('are all fields of the plugin', () => {
    const names = YSQL_FIELDS.map(({ name }) => name);
    assert.deepEqual([...CARRIED, ...SECRET_FIELDS].sort(), names.sort());
    assert.deepEqual(RENAMED, FIELD_ALIASES);
  });

  const WRITTEN: readonly (readonly [string, readonly string[], RegExp, readonly string[]])[] = [
    ['roles', ROLE_FIELDS, /\/roles\/\{name\}$/, []],
    [
      'static roles',
      STATIC_ROLE_FIELDS,
      /\/static-roles\/\{name\}$/,
      ['password', 'skip_import_rotation', 'last_vault_rotation'],
    ],
    [
      'approles',
      APPROLE_FIELDS,
      /approle\/role\/\{role_name\}$/,
      ['local_secret_ids', 'policies', 'period', 'bound_cidr_list'],
    ],
    [
      'mounts',
      TUNED,
      /^\/sys\/mounts\/\{path\}\/tune$/,
      [
        ...[
          'description',
          'options',
          'force_no_cache',
          'plugin_version',
          'user_lockout_config',
          'allowed_managed_keys',
        ],
        ...['delegated_auth_accessors', 'identity_token_key', 'trim_request_trailing_slashes'],
      ],
    ],
  ];
  for (const [what, carried, path, others] of WRITTEN) {
    it(`are all that a write to ${what} takes`, () => {
      assert.deepEqual([...carried, ...others].sort(), fieldsOf(path).sort());
    });
  }
});
