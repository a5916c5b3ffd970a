import { describe, it } from 'node:test';
import type { RequestCase } from '../cli-fixture.ts';
import { checkRequest } from '../cli-fixture.ts';

const MOUNT_BODY = {
  type: 'kv',
  description: '',
  config: { options: null, default_lease_ttl: '0s', max_lease_ttl: '0s', force_no_cache: false },
  local: false,
  seal_wrap: false,
  external_entropy_access: false,
  options: null,
};
/** What the recorded sessions do not show: requests and output of the other ways to ask. */
const CASES: readonly RequestCase[] = [
  {
    argv: ['audit', 'enable', '-description=mine', '-local', '-path=a/b', 'file', 'file_path=/tmp/x=y', 'log_raw=true'],
    request: [
      'PUT',
      '/v1/sys/audit/a/b',
      { type: 'file', description: 'mine', options: { file_path: '/tmp/x=y', log_raw: 'true' }, local: true },
    ],
    stdout: 'Success! Enabled the file audit device at: a/b/\n',
  },
  {
    argv: ['audit', 'enable', 'socket'],
    request: ['PUT', '/v1/sys/audit/socket', { type: 'socket', description: '', options: {}, local: false }],
    answer: { status: 400, body: { errors: ['address is required'] } },
    stderr:
      'Error enabling audit device: Error making API request.\n\nURL: PUT ADDR/v1/sys/audit/socket\nCode: 400. Errors:\n\n* address is required\n',
    exitCode: 2,
  },
  {
    argv: ['audit', 'disable', '/file/'],
    request: ['DELETE', '/v1/sys/audit/file'],
    stdout: 'Success! Disabled audit device (if it was enabled) at: file/\n',
  },
  {
    argv: ['audit', 'list'],
    request: ['GET', '/v1/sys/audit'],
    answer: { status: 200, body: { data: {} } },
    stdout: 'No audit devices are enabled.\n',
    exitCode: 2,
  },
  {
    argv: ['audit', 'list', '-detailed'],
    request: ['GET', '/v1/sys/audit'],
    answer: {
      status: 200,
      body: {
        data: {
          'f/': {
            type: 'file',
            description: 'd',
            local: false,
            path: 'f/',
            options: { mode: '0600', file_path: 'stdout' },
          },
        },
      },
    },
    stdout:
      'Path    Type    Description    Replication    Options\n----    ----    -----------    -----------    -------\n' +
      'f/      file    d              replicated     file_path=stdout mode=0600\n',
  },
  {
    argv: ['lease', 'revoke', '-force', '-prefix', 'db/creds'],
    request: ['PUT', '/v1/sys/leases/revoke-force/db/creds'],
    stdout: 'Success! Force revoked any leases with prefix: db/creds\n',
    stderr: 'Warning! Force-removing leases can cause Vault to become out of sync with\nsecret engines!\n',
  },
  {
    argv: ['lease', 'revoke', '-prefix', 'x'],
    request: ['PUT', '/v1/sys/leases/revoke-prefix/x', { sync: false }],
    answer: { status: 500, body: { errors: ['boom'] } },
    stderr:
      'Error revoking leases with prefix x: Error making API request.\n\nURL: PUT ADDR/v1/sys/leases/revoke-prefix/x\nCode: 500. Errors:\n\n* boom\n',
    exitCode: 2,
  },
  {
    argv: [
      'secrets',
      'enable',
      '-version=2',
      '-description=notes',
      '-options=a=b',
      '-local',
      '-max-lease-ttl=system',
      'kv',
    ],
    request: [
      'POST',
      '/v1/sys/mounts/kv',
      {
        ...MOUNT_BODY,
        description: 'notes',
        local: true,
        options: { a: 'b', version: '2' },
        config: { ...MOUNT_BODY.config, max_lease_ttl: '-1s' },
      },
    ],
    stdout: 'Success! Enabled the kv secrets engine at: kv/\n',
  },
  {
    argv: [
      'secrets',
      'enable',
      '-plugin-name=mine',
      '-path=p/q',
      '-plugin-version=v1.0.0',
      '-audit-non-hmac-request-keys=a',
      'plugin',
    ],
    request: [
      'POST',
      '/v1/sys/mounts/p/q',
      {
        ...MOUNT_BODY,
        type: 'mine',
        config: { ...MOUNT_BODY.config, audit_non_hmac_request_keys: ['a'], plugin_version: 'v1.0.0' },
      },
    ],
    stdout: 'Success! Enabled the mine secrets engine version v1.0.0 at: p/q/\n',
  },
  {
    argv: ['secrets', 'tune', '-default-lease-ttl=system', '-description=', '-listing-visibility=unauth', '/db/'],
    request: [
      'POST',
      '/v1/sys/mounts/db/tune',
      {
        options: null,
        default_lease_ttl: 'system',
        max_lease_ttl: '',
        force_no_cache: false,
        description: '',
        listing_visibility: 'unauth',
      },
    ],
    stdout: 'Success! Tuned the secrets engine at: db/\n',
  },
  {
    argv: ['auth', 'tune', '-token-type=batch', 'userpass'],
    request: [
      'POST',
      '/v1/sys/mounts/auth/userpass/tune',
      { options: null, default_lease_ttl: '', max_lease_ttl: '', force_no_cache: false, token_type: 'batch' },
    ],
    stdout: 'Success! Tuned the auth method at: userpass/\n',
  },
  {
    argv: ['auth', 'tune', '-listing-visibility=', '-token-type=', '-passthrough-request-headers=', 'userpass'],
    request: [
      'POST',
      '/v1/sys/mounts/auth/userpass/tune',
      {
        options: null,
        default_lease_ttl: '',
        max_lease_ttl: '',
        force_no_cache: false,
        passthrough_request_headers: [''],
        listing_visibility: '',
        token_type: '',
      },
    ],
    stdout: 'Success! Tuned the auth method at: userpass/\n',
  },
  {
    argv: [
      'secrets',
      'tune',
      '-audit-non-hmac-request-keys=a',
      '-audit-non-hmac-response-keys=b',
      '-passthrough-request-headers=X-A',
      '-passthrough-request-headers=X-B',
      '-allowed-response-headers=X-C',
      '-plugin-version=v1.0.0',
      '-options=k=v',
      'db',
    ],
    request: [
      'POST',
      '/v1/sys/mounts/db/tune',
      {
        options: { k: 'v' },
        default_lease_ttl: '',
        max_lease_ttl: '',
        force_no_cache: false,
        audit_non_hmac_request_keys: ['a'],
        audit_non_hmac_response_keys: ['b'],
        passthrough_request_headers: ['X-A', 'X-B'],
        allowed_response_headers: ['X-C'],
        plugin_version: 'v1.0.0',
      },
    ],
    stdout: 'Success! Tuned the secrets engine at: db/\n',
  },
  ...(
    [
      [
        ['secrets', 'enable', '-seal-wrap', 'database'],
        'mounts/database/',
        'Enabled the database secrets engine at: database/',
      ],
      [['auth', 'enable', 'approle'], 'auth/approle/', 'Enabled approle auth method at: approle/'],
    ] as const
  ).map(
    ([argv, path, done]): RequestCase => ({
      argv,
      request: [
        'POST',
        `/v1/sys/${path.slice(0, -1)}`,
        { ...MOUNT_BODY, type: argv.at(-1), seal_wrap: argv.includes('-seal-wrap' as never) },
      ],
      answer: { status: 200, body: { warnings: ['something is not so'] } },
      stdout: `Success! ${done}\n`,
      stderr: 'WARNING! The following warnings were returned from Vault:\n\n  * something is not so\n\n',
    }),
  ),
  {
    argv: ['auth', 'disable', 'userpass'],
    request: ['DELETE', '/v1/sys/auth/userpass'],
    stdout: 'Success! Disabled the auth method (if it existed) at: userpass/\n',
  },
  {
    argv: ['plugin', 'register', '-sha256=ab', '-args=-a', '-args=-b', '-env=K=v', '-version=v1.0.0', 'secret', 'mine'],
    request: [
      'PUT',
      '/v1/sys/plugins/catalog/secret/mine',
      { type: 3, args: ['-a', '-b'], command: 'mine', sha256: 'ab', version: 'v1.0.0', env: ['K=v'] },
    ],
    stdout: 'Success! Registered plugin: mine\n',
  },
  {
    argv: ['plugin', 'deregister', '-version=1.2.3', 'old'],
    request: ['DELETE', '/v1/sys/plugins/catalog/old?version=1.2.3'],
    stdout: 'Success! Deregistered plugin (if it was registered): old\n',
  },
  {
    argv: ['plugin', 'reload', '-plugin=mine', '-scope=global'],
    request: ['PUT', '/v1/sys/plugins/reload/backend', { plugin: 'mine', mounts: null, scope: 'global' }],
    answer: { status: 202, body: { data: { reload_id: 'r1' } } },
    stdout: 'Success! Reloading plugin: mine, reload_id: r1\n',
  },
  {
    argv: ['plugin', 'reload', '-type=database', '-plugin=mine', '-scope=global'],
    request: ['PUT', '/v1/sys/plugins/reload/database/mine', { scope: 'global' }],
    answer: { status: 202, body: { data: { reload_id: 'r1' } } },
    stdout: 'Success! Reloading plugin: mine, reload_id: r1\n',
  },
  {
    argv: ['plugin', 'reload-status', 'r0'],
    request: ['GET', '/v1/sys/plugins/reload/backend/status?reload_id=r0'],
    answer: { status: 404, body: { errors: ['no reload with reload_id "r0"'] } },
    stderr: 'Error retrieving plugin reload status: there is no reload r0\n',
    exitCode: 2,
  },
  {
    argv: ['plugin', 'reload-status', 'r1'],
    request: ['GET', '/v1/sys/plugins/reload/backend/status?reload_id=r1'],
    answer: {
      status: 200,
      body: { data: { reload_id: 'r1', results: { n1: { timestamp: '2026-11-29T06:33:29.5Z', error: '' } } } },
    },
    stdout:
      'Time        Participant    Success    Message\n----        -----------    -------    -------\n06:33:29    n1             true       n/a\n',
  },
  {
    argv: ['plugin', 'reload', '-mounts=a/', '-mounts=b/'],
    request: ['PUT', '/v1/sys/plugins/reload/backend', { plugin: '', mounts: ['a/', 'b/'], scope: '' }],
    stdout: 'Success! Reloaded mounts: [a/ b/]\n',
  },
  {
    argv: ['plugin', 'reload', '-plugin=mine'],
    request: ['PUT', '/v1/sys/plugins/reload/backend', { plugin: 'mine', mounts: null, scope: '' }],
    answer: { status: 200, body: { data: { reload_id: 'r1' }, warnings: ['no plugins were reloaded'] } },
    stdout: 'Success! Reloaded plugin: mine\n',
    stderr: 'WARNING! The following warnings were returned from Vault:\n\n  * no plugins were reloaded\n\n',
  },
  {
    argv: ['plugin', 'register', '-sha256=ab', '-version=2', 'database', 'mine'],
    request: ['PUT', '/v1/sys/plugins/catalog/database/mine', { type: 2, command: 'mine', sha256: 'ab', version: '2' }],
    answer: { status: 200, body: { warnings: ['it could not be asked'] } },
    stdout: 'Success! Registered plugin: mine\n',
    stderr: 'WARNING! The following warnings were returned from Vault:\n\n  * it could not be asked\n\n',
  },
  {
    argv: ['plugin', 'info', '-field=command', '-version=v2', 'database', 'mine'],
    request: ['GET', '/v1/sys/plugins/catalog/database/mine?version=v2'],
    answer: { status: 200, body: { data: { command: 'run' } } },
    stdout: 'run',
  },
];

describe('requests about mounts, plugins and leases', () => {
  for (const asked of CASES) it(asked.argv.join(' '), () => checkRequest(asked));
});
