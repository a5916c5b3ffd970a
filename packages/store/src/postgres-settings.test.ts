import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogger, isCofferError, silentLogger } from '@coffer/base';
import type { ConnectionSettings } from '@coffer/yb-connection';
import { openPostgresStore } from './index.ts';
import { storeSettings } from './postgres-settings.ts';

const BASE = 'postgres://coffer:pa%2Fss@a/db';

function parse(url: string, warnings: string[] = []): ConnectionSettings {
  return storeSettings(
    url,
    7,
    createLogger('', 'warn', ({ message }) => warnings.push(message)),
  );
}

describe('the connection_url of a store', () => {
  it('takes several hosts, the settings of the driver and those of TLS', () => {
    const settings = parse(
      'postgres://coffer:pa%2Fss@a:5433,b,[::1]:5434/db?load_balance=prefer-primary&topology_keys=c.r.z:1,c.r.*:2' +
        '&yb_servers_refresh_interval=60&failed_host_reconnect_delay_secs=7&target_session_attrs=read-write' +
        '&fallback_to_topology_keys_only=true&sslmode=verify-full&sslrootcert=/ca&sslcert=/c&sslkey=/k&sslpassword=p' +
        '&connect_timeout=3&statement_timeout=20000&lock_timeout=5s&search_path=coffer',
    );
    assert.deepEqual(settings.hosts, [
      { host: 'a', port: 5433 },
      { host: 'b', port: 5432 },
      { host: '::1', port: 5434 },
    ]);
    const { username, database, refreshIntervalSeconds, failedHostDelaySeconds, targetSession, tls } = settings;
    assert.deepEqual([username, settings.password.reveal(), database], ['coffer', 'pa/ss', 'db']);
    assert.deepEqual([refreshIntervalSeconds, failedHostDelaySeconds, targetSession], [60, 7, 'read-write']);
    assert.equal(settings.balance?.mode, 'prefer-primary');
    assert.equal(settings.balance.topologyKeys.length, 2);
    assert.deepEqual(
      [tls.mode, tls.ca.path, tls.certificate.path, tls.privateKey.path],
      ['verify-full', '/ca', '/c', '/k'],
    );
    assert.deepEqual([settings.connectTimeoutSeconds, settings.statementTimeoutSeconds], [3, 20]);
    assert.deepEqual(settings.parameters, { lock_timeout: '5s', search_path: 'coffer' });
  });

  it('has defaults that suit a store', () => {
    const settings = parse(BASE);
    assert.deepEqual([settings.maxOpen, settings.maxIdle], [7, 7]);
    assert.deepEqual([settings.targetSession, settings.tls.mode, settings.balance], ['primary', 'prefer', undefined]);
    assert.deepEqual([settings.connectTimeoutSeconds, settings.statementTimeoutSeconds], [10, 30]);
    assert.deepEqual(parse('host=a,b port=5433 user=u dbname=d').hosts.length, 2);
    assert.equal(parse(`${BASE}?target_session_attrs=any`).targetSession, 'any');
  });

  it('may say what other drivers take, which is told', () => {
    const warnings: string[] = [];
    parse(`${BASE}?application_name=x&channel_binding=require&uselibpqcompat=true`, warnings);
    assert.match(warnings.join(), /have no effect: application_name, channel_binding, uselibpqcompat/);
    parse(`${BASE}?topology_keys=c.r.z`, warnings);
    assert.match(warnings.join(), /topology_keys: no effect with load_balance=false/);
  });

  for (const [what, url, problem] of [
    ['no URL', 'not a url', /must start with postgres:\/\//],
    ['another scheme', 'mysql://u:secret@a/db', /must start with postgres:\/\//],
    ['nothing', '', /host cannot be empty/],
    ['no host', 'postgres://u:secret@/db', /host cannot be empty/],
    ['a comma too many', 'postgres://u:secret@a,,b/db', /host cannot be empty: there is an extra comma/],
    ['no user', 'postgres://a/db', /username cannot be empty/],
    ['no port', 'postgres://u:secret@a:x/db', /port is not a number/],
    ['a port out of range', 'postgres://u:secret@a:70000/db', /port is not a number from 1 to 65535/],
    ['an address without brackets', 'postgres://u:secret@::1:5433/db', /host is not of the form host:port/],
    ['a password that is not encoded', 'postgres://u:sec%ret@a/db', /"%" that does not start/],
    ['a placeholder', 'postgres://{{username}}:{{password}}@a/db', /username cannot be empty/],
    ['a fragment', `${BASE}?load_balance=true#x`, /has a "#"/],
    ['ports and hosts that do not fit', 'host=a,b,c port=1,2 user=u', /2 ports for 3 hosts/],
    ['a setting twice', `${BASE}?sslmode=require&sslmode=disable`, /says sslmode twice/],
    ['a mode that is none', `${BASE}?sslmode=on`, /field "sslmode": "on" is not one of disable/],
    ['a balance that is none', `${BASE}?load_balance=maybe`, /field "load_balance": "maybe" is not one of/],
    ['a placement that is none', `${BASE}?load_balance=true&topology_keys=a.b`, /field "topology_keys": "a.b"/],
    [
      'an interval out of range',
      `${BASE}?yb_servers_refresh_interval=601`,
      /"yb_servers_refresh_interval": 601 is not in/,
    ],
    [
      'a delay that is none',
      `${BASE}?failed_host_reconnect_delay_secs=x`,
      /"failed_host_reconnect_delay_secs": "x" is not/,
    ],
    ['a time that is none', `${BASE}?connect_timeout=soon`, /"connect_timeout"/],
    [
      'attributes that are none',
      `${BASE}?target_session_attrs=master`,
      /"target_session_attrs": "master" is not one of/,
    ],
    ['a standby', `${BASE}?target_session_attrs=standby`, /target_session_attrs=standby: a store must be writable/],
    ['a reader', `${BASE}?target_session_attrs=read-only`, /target_session_attrs=read-only: a store must be/],
    ['a standby if there is one', `${BASE}?target_session_attrs=prefer-standby`, /prefer-standby: a store must be/],
    [
      'a field that is none of a URL',
      `${BASE}?max_open_connections=3`,
      /"max_open_connections" is not a setting of a URL/,
    ],
    ...(
      [
        ['sslmodus', 'sslmode'],
        ['ssl_mode', 'sslmode'],
        ['load_ballance', 'load_balance'],
        ['loadbalanc', 'load_balance'],
        ['topology_key', 'topology_keys'],
        ['yb_server_refresh_interval', 'yb_servers_refresh_interval'],
        ['failed_host_reconnect_delay_sec', 'failed_host_reconnect_delay_secs'],
        ['target_session_attr', 'target_session_attrs'],
        ['sslrootcerts', 'sslrootcert'],
        ['sslcerts', 'sslcert'],
        ['connect_timeouts', 'connect_timeout'],
      ] as const
    ).map(
      ([name, meant]) =>
        [
          `"${name}"`,
          `${BASE}?${name}=1`,
          new RegExp(`there is no setting "${name}"; did you mean "${meant}"\\?`),
        ] as const,
    ),
  ] as const) {
    it(`is refused with ${what}`, async () => {
      const refused = (error: unknown): boolean =>
        isCofferError(error, 'invalid-request') &&
        /^field "connection_url"/.test(error.message) &&
        problem.test(error.message) &&
        !/secret|pa%2Fss|pa\/ss/.test(error.message);
      assert.throws(() => storeSettings(url, 1, silentLogger), refused);
      await assert.rejects(openPostgresStore({ connectionUrl: url }), refused);
    });
  }
});
