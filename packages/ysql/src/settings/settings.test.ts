import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCofferError, type JsonObject } from '@coffer/base';
import { parseConnectionUrl } from '@coffer/yb-connection';
import { YSQL_FIELDS } from './fields.ts';
import { checkYsqlConfig, parseSettings, type YsqlSettings } from './settings.ts';

const HOST_MODE: JsonObject = { host: 'db', username: 'yugabyte', password: 'secret' };
const parse = (config: JsonObject, warnings: string[] = []): YsqlSettings =>
  parseSettings(config, (message) => warnings.push(message));
const rejects = (config: JsonObject, message: RegExp): void => {
  assert.throws(
    () => checkYsqlConfig(config),
    (error) => isCofferError(error, 'invalid-request') && message.test(error.message),
  );
};

describe('host mode', () => {
  it('has the defaults of the Go plugin and of Vault', () => {
    const settings = parse(HOST_MODE);
    assert.deepEqual(settings.hosts, [{ host: 'db', port: 5433 }]);
    assert.equal(settings.database, 'yugabyte');
    assert.equal(settings.balance, undefined);
    assert.equal(settings.refreshIntervalSeconds, 300);
    assert.equal(settings.tls.mode, 'prefer');
    assert.deepEqual([settings.maxOpen, settings.maxIdle, settings.maxLifetimeSeconds], [4, 4, 0]);
    assert.deepEqual([settings.connectTimeoutSeconds, settings.statementTimeoutSeconds], [10, 30]);
  });
  it('takes the golden session: all values as strings', () => {
    const settings = parse({
      ...HOST_MODE,
      port: '5433',
      db: 'yugabyte',
      load_balance: 'true',
      yb_servers_refresh_interval: '0',
    });
    assert.equal(settings.balance?.mode, 'any');
    assert.equal(settings.refreshIntervalSeconds, 0);
  });
  it('names what is missing', () => {
    rejects({ username: 'a', password: 'b' }, /^host cannot be empty$/);
    rejects({ host: 'a', password: 'b' }, /^username cannot be empty$/);
    rejects({ host: 'a', username: 'b' }, /^password cannot be empty$/);
  });
  it('names the field and the remedy', () => {
    rejects({ ...HOST_MODE, port: 'x' }, /field "port": "x" is not a whole number/);
    rejects({ ...HOST_MODE, port: 70000 }, /field "port": 70000 is not in 1 to 65535/);
    rejects({ ...HOST_MODE, load_balance: 'maybe' }, /field "load_balance": "maybe" is not one of .*prefer-rr/);
    rejects({ ...HOST_MODE, sslmode: 'on' }, /field "sslmode": "on" is not one of disable/);
    rejects({ ...HOST_MODE, topology_keys: 'a.b' }, /field "topology_keys": "a.b"/);
    rejects({ ...HOST_MODE, topology_keys: 'a.b.c:11' }, /field "topology_keys"/);
    rejects({ ...HOST_MODE, topology_keys: '*.b.c' }, /field "topology_keys"/);
    rejects({ ...HOST_MODE, topology_keys: 'a.b.c:' }, /field "topology_keys"/);
    rejects({ ...HOST_MODE, max_connection_lifetime: 'soon' }, /field "max_connection_lifetime"/);
    rejects({ ...HOST_MODE, host: ['a'] }, /field "host" must be a single value/);
    rejects({ ...HOST_MODE, yb_servers_refresh_interval: 601 }, /is not in 0 to 600/);
  });
  it('checks the username template', () => {
    rejects({ ...HOST_MODE, username_template: '{{.Nope}}' }, /^field "username_template": .*Nope/);
    rejects({ ...HOST_MODE, username_template: '{{' }, /^field "username_template": /);
  });
  it('suggests the nearest field', () => {
    rejects({ ...HOST_MODE, load_blance: 'true' }, /unknown field "load_blance"; did you mean "load_balance"\?/);
    rejects({ ...HOST_MODE, 'topology-keys': 'a.b.c' }, /did you mean "topology_keys"\?/);
    rejects({ ...HOST_MODE, zzzzzzzzzzzz: 1 }, /^unknown field "zzzzzzzzzzzz"$/);
  });
  it('strands nothing that is stored', () => {
    const warnings: string[] = [];
    const settings = parse(
      { ...HOST_MODE, auth_type: 'x', yb_servers_refresh_interval: 601, max_open_connections: null },
      warnings,
    );
    assert.equal(settings.refreshIntervalSeconds, 300);
    assert.match(warnings.join('\n'), /unknown field "auth_type"[^]*601 is not in 0 to 600; using 300/);
  });
  it('reads pool limits as Vault does', () => {
    const limits = (open: number, idle: number): number[] => {
      const { maxOpen, maxIdle } = parse({ ...HOST_MODE, max_open_connections: open, max_idle_connections: idle });
      return [maxOpen, maxIdle];
    };
    assert.deepEqual(limits(0, 0), [4, 4]);
    assert.deepEqual(limits(2, 5), [2, 2]);
    assert.deepEqual(limits(-1, -1), [Infinity, 0]);
  });
  it('takes every number, boolean and duration as JSON value and as string, and names the field of any other', () => {
    const base = { ...HOST_MODE, load_balance: 'any', max_open_connections: 20 };
    // Of the latter an effect shows only with a connection_url.
    const typed = YSQL_FIELDS.filter((field) => field.type !== 'string' && field.name !== 'disable_escaping');
    assert.equal(typed.length, 10);
    for (const { name, type } of typed) {
      const samples = { integer: [7, '7'], boolean: [true, 'true'], duration: [90, '90', '1m30s'] }[type];
      const [first, ...others] = samples.map((value) => parse({ ...base, [name]: value }));
      for (const other of others) assert.deepEqual(other, first, name);
      assert.notDeepEqual(first, parse({ ...base, [name]: type === 'boolean' ? 'false' : 8 }), name);
      for (const wrong of ['soon', '1.5x', [7], { a: 1 }]) {
        rejects({ ...base, [name]: wrong }, new RegExp(`"?${name}"?`));
      }
    }
  });
  it('describes every field once', () => {
    assert.equal(new Set(YSQL_FIELDS.map((field) => field.name)).size, YSQL_FIELDS.length);
  });
});

describe('connection_url', () => {
  const AWKWARD = ` p'"\\@/:%?#&=é{{username}}[1]`;
  it('fills in any character', () => {
    const settings = parse({
      connection_url: 'postgres://{{username}}:{{password}}@db:5434/app?sslmode=disable&load_balance=only-rr',
      username: AWKWARD,
      password: `${AWKWARD}2`,
    });
    assert.equal(settings.username, AWKWARD);
    assert.equal(settings.password.reveal(), `${AWKWARD}2`);
    assert.deepEqual(settings.hosts, [{ host: 'db', port: 5434 }]);
    assert.equal(settings.database, 'app');
    assert.equal(settings.tls.mode, 'disable');
    assert.equal(settings.balance?.mode, 'only-rr');
  });
  it('fills in any character in the key=value form', () => {
    const settings = parse({
      connection_url: "host=h1,h2 port=1,2 user='{{username}}' password={{password}} dbname='a b\\'c' sslmode=require",
      username: AWKWARD,
      password: AWKWARD,
    });
    assert.deepEqual([settings.username, settings.password.reveal(), settings.database], [AWKWARD, AWKWARD, "a b'c"]);
    assert.deepEqual(settings.hosts, [
      { host: 'h1', port: 1 },
      { host: 'h2', port: 2 },
    ]);
    assert.equal(settings.tls.mode, 'require');
  });
  it('decodes literal credentials, several hosts and IPv6', () => {
    const settings = parse({ connection_url: 'postgresql://us%40er:p%2Fw@h1,[::1]:6,h3:7' });
    assert.deepEqual([settings.username, settings.password.reveal(), settings.database], ['us@er', 'p/w', 'us@er']);
    assert.deepEqual(settings.hosts, [
      { host: 'h1', port: 5433 },
      { host: '::1', port: 6 },
      { host: 'h3', port: 7 },
    ]);
  });
  it('decodes given values when escaping is disabled', () => {
    const settings = parse({
      connection_url: 'postgres://{{username}}:{{password}}@h/d',
      username: 'u',
      password: 'p%40w',
      disable_escaping: 'true',
    });
    assert.equal(settings.password.reveal(), 'p@w');
  });
  it('wins over fields, and says so', () => {
    const warnings: string[] = [];
    const settings = parse(
      {
        ...HOST_MODE,
        port: 1,
        sslmode: 'require',
        connection_url: 'postgres://u:p@h:2/d?sslmode=disable&application_name=x',
      },
      warnings,
    );
    assert.deepEqual([settings.hosts[0]?.port, settings.tls.mode, settings.username], [2, 'disable', 'u']);
    assert.match(warnings.join('\n'), /connection_url overrides host, port, sslmode[^]*application_name/);
  });
  it('means the same as fields', () => {
    const login = { username: 'u', password: `p'@/ %` };
    const more = {
      sslmode: 'verify-full',
      sslrootcert: '/ca file.crt',
      sslcert: '/c.crt',
      sslkey: '/c.key',
      sslpassword: 'a&b=c d',
      sslsni: '0',
      load_balance: 'prefer-rr',
      yb_servers_refresh_interval: '12',
      topology_keys: 'a.b.*:2,a.b.c:10',
      fallback_to_topology_keys_only: 'true',
      failed_host_reconnect_delay_secs: '9',
      connect_timeout: '3',
    };
    const fields = parse({ host: 'h1,h2', port: 5434, db: 'a b', ...login, ...more, statement_timeout: '8s' });
    const query = new URLSearchParams({ ...more, statement_timeout: '8s' }).toString().replaceAll('+', '%20');
    const url = `postgres://{{username}}:{{password}}@h1:5434,h2:5434/a%20b?${query}`;
    const pairs = Object.entries(more).map(([key, value]) => `${key}='${value}'`);
    const keywords = `host=h1,h2 port=5434 dbname='a b' user={{username}} password={{password}} ${pairs.join(' ')} statement_timeout=8s`;
    for (const connection_url of [url, keywords]) {
      const settings = parse({ connection_url, ...login });
      assert.deepEqual(settings, fields, connection_url);
      assert.equal(settings.password.reveal(), login.password);
      assert.equal(settings.tls.keyPassword.reveal(), more.sslpassword);
    }
    assert.deepEqual(parse({ connection_url: url, ...login, host: 'other', port: 1, sslmode: 'disable' }), fields);
  });
  it('takes the settings of other drivers, and PostgreSQL parameters', () => {
    const settings = parse({
      connection_url:
        'postgres://u:p@h/d?load-balance=true&topologyKeys=a.b.c:3,a.b.*&ybServersRefreshInterval=7&statement_timeout=1500&search_path=x%20y',
    });
    assert.equal(settings.balance?.mode, 'any');
    assert.deepEqual(
      settings.balance.topologyKeys.map((key) => [key.zone, key.level]),
      [
        ['c', 3],
        ['*', 1],
      ],
    );
    assert.equal(settings.refreshIntervalSeconds, 7);
    assert.equal(settings.statementTimeoutSeconds, 2);
    assert.deepEqual(settings.parameters, { search_path: 'x y' });
  });
  it('takes apart what options sets, and leaves out what is ours to set', () => {
    const warnings: string[] = [];
    const options = encodeURIComponent(
      String.raw`-c search_path=a,\ b  --lock-timeout=5s -cTimeZone=Asia/Tokyo -B 100`,
    );
    const settings = parseSettings(
      { connection_url: `postgres://u:p@h/d?options=${options}&DateStyle=German&app.note=x&role=r` },
      (message) => warnings.push(message),
    );
    assert.deepEqual(settings.parameters, {
      'app.note': 'x',
      role: 'r',
      search_path: 'a, b',
      lock_timeout: '5s',
      options: '-B 100',
    });
    assert.deepEqual(warnings, ['settings of connection_url that have no effect: datestyle, timezone']);
  });
  it('refuses without repeating the URL', () => {
    const wrong = [
      'mysql://u:hush@h',
      'postgres://u:hu/sh@h/d',
      'postgres://u:hush%@h',
      "host=h password='hush",
      'postgres://u:hush@h:x/d',
    ];
    for (const connection_url of wrong) {
      assert.throws(
        () => parse({ connection_url }),
        (error) =>
          isCofferError(error, 'invalid-request') &&
          /connection_url/.test(error.message) &&
          !/hu\/?sh/.test(error.message),
        connection_url,
      );
    }
    rejects({ connection_url: 'postgres://u:p@/d' }, /host cannot be empty/);
    rejects(
      { connection_url: 'postgres://{{username}}:{{password}}@h/d', password: 'p' },
      /username cannot be empty: connection_url uses/,
    );
  });
  it('lets a value hold text that looks like a placeholder', () => {
    const url = parseConnectionUrl('postgres://{{username}}:{{password}}@h', {
      username: '{{password}}',
      password: 'p',
      encoded: false,
    });
    assert.equal(url.username, '{{password}}');
  });
});
