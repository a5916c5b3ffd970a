/** What is wrong, or has no effect, is said to whoever writes it; where it is stored already it goes on, with a warning. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCofferError, type JsonObject } from '@coffer/base';
import { checkYsqlConfig, parseSettings } from './settings.ts';

const LOGIN = { username: 'u', password: 'p' };
const FIELDS: JsonObject = { host: 'h', ...LOGIN };
const url = (rest: string): JsonObject => ({
  connection_url: `postgres://{{username}}:{{password}}@${rest}`,
  ...LOGIN,
});
const dsn = (text: string): JsonObject => ({ connection_url: text, ...LOGIN });

/** It is refused when it is written, and stays usable where it is stored. */
function refused(config: JsonObject, message: RegExp, warning = /./): void {
  assert.throws(
    () => checkYsqlConfig(config),
    (error) => {
      assert.ok(isCofferError(error, 'invalid-request'), String(error));
      assert.match(error.message, message);
      return true;
    },
    JSON.stringify(config),
  );
  const warnings: string[] = [];
  parseSettings(config, (text) => warnings.push(text));
  assert.match(warnings.join('\n'), warning);
}
const warned = (config: JsonObject, message: RegExp): void => {
  assert.match(checkYsqlConfig(config).join('\n'), message);
};

describe('a host', () => {
  it('is a name, an address, or the directory of a socket', () => {
    for (const host of [
      'db',
      'db-1.example.com',
      '10.0.0.1',
      '::1',
      'fe80::1%eth0',
      '/tmp',
      'bücher.example',
      'a_b',
      'h1, h2',
    ]) {
      assert.deepEqual(checkYsqlConfig({ ...FIELDS, host }), [], host);
    }
    for (const config of [
      dsn('host=/var/run/postgresql port=5434'),
      url('/d?host=/var/run/postgresql&port=5434'),
      url('%2Fvar%2Frun%2Fpostgresql:5434/d'),
      { ...FIELDS, host: '/var/run/postgresql', port: 5434 },
    ]) {
      const { hosts } = parseSettings(config, () => undefined);
      assert.deepEqual(hosts, [{ host: '/var/run/postgresql', port: 5434 }]);
    }
  });
  it('with a port, brackets or a scheme is refused with what to write', () => {
    refused({ ...FIELDS, host: 'a:5434' }, /^field "host": "a:5434" contains a port: write host=a and port=5434/);
    refused({ ...FIELDS, host: 'a,b:5434' }, /"b:5434" contains a port: .*use connection_url/);
    refused({ ...FIELDS, host: '[::1]' }, /"\[::1\]" has brackets: write host=::1$/);
    refused({ ...FIELDS, host: '[::1]:5434' }, /write host=::1 and port=5434/);
    refused({ ...FIELDS, host: 'http://h' }, /"http:\/\/h" is a URL: give only its host, or use connection_url/);
    refused({ ...FIELDS, host: 'h 1' }, /contains a space/);
    refused({ ...FIELDS, host: '@abstract' }, /abstract socket/);
    refused({ ...FIELDS, host: 'h/d' }, /is not a host name/);
    refused({ ...FIELDS, host: 'u@h' }, /is not a host name/);
    refused({ ...FIELDS, host: ':5434' }, /":5434" is not a host name: write a name/);
    refused(dsn('host=a:5434'), /a host in it contains a port: write host:port/);
    refused(dsn('host=[::1]'), /a host in it has brackets/);
  });
  it('is never empty', () => {
    for (const host of ['h,', ',h', 'h,,i']) {
      assert.throws(
        () => checkYsqlConfig({ ...FIELDS, host }),
        /^CofferError: host cannot be empty: there is an extra comma/,
      );
    }
    assert.throws(
      () => checkYsqlConfig(dsn('hostaddr=10.0.0.1')),
      /hostaddr is not supported: write the address as the host/,
    );
    assert.throws(() => checkYsqlConfig(url('::1/d')), /an IPv6 address needs brackets/);
  });
  it('has a port each, or one for all', () => {
    refused(dsn('host=a,b,c port=1,2'), /2 ports for 3 hosts: give one port, or one for each/);
    refused(dsn('host=a port=1,2'), /2 ports for 1 host:/);
    const ports = (text: string) => parseSettings(dsn(text), () => undefined).hosts.map(({ port }) => port);
    assert.deepEqual(ports('host=a,b port=1,2'), [1, 2]);
    assert.deepEqual(ports('host=a,b port=7'), [7, 7]);
    assert.deepEqual(ports("host=a,b port=''"), [5433, 5433]);
    assert.deepEqual(ports('host=a,b port=,2'), [5433, 2]);
    for (const port of ['0', '65536', 'x', '-1']) {
      assert.throws(() => checkYsqlConfig(dsn(`host=a port=${port}`)), /a port is not a number from 1 to 65535/);
    }
    for (const port of ['0', 65_536, '1,2']) assert.throws(() => checkYsqlConfig({ ...FIELDS, port }), /field "port"/);
  });
});

describe('a connection_url that contradicts itself', () => {
  it('is refused by the name of the setting', () => {
    refused(url('h/d?sslmode=disable&sslmode=verify-full'), /says sslmode twice, and differently/);
    refused(url('h/d?load-balance=true&loadBalance=false'), /says load_balance twice/);
    refused(dsn('host=h host=i'), /says host twice/);
    refused(url('h/d?dbname=e'), /says dbname twice/);
    refused(url('h/d?search_path=a&SEARCH_PATH=b'), /says search_path twice, and differently/);
    refused(url('h/d?search_path=a&options=-c%20search_path%3Db'), /says search_path twice/);
    refused(dsn("host=h options='-c role=a -c role=b'"), /says role twice/);
    refused(url('h/d?user=other'), /says user twice/);
    refused(url('h/d?host=i'), /names a host or port in its query as well, and they differ/);
    refused(url('h/d?port=5434'), /names a host or port in its query as well/);
    refused(url('h/d#x'), /write one that belongs to a value as %23/);
    for (const same of [
      'h/d?role=a&options=-c%20role%3Da',
      'h/d?sslmode=disable&sslmode=DISABLE',
      'h:1/d?port=1',
      'h/d?host=h',
      'h/d?dbname=d',
    ]) {
      assert.deepEqual(checkYsqlConfig(url(same)), [], same);
    }
    // As before: the last in a query, and what stands before it.
    const settings = parseSettings(url('h:1/d?sslmode=disable&sslmode=require&dbname=e&port=2'), () => undefined);
    assert.deepEqual([settings.tls.mode, settings.database, settings.hosts[0]?.port], ['require', 'd', 1]);
  });
  it('shows no value of it', () => {
    for (const text of [
      'host=h password=hush-1 password=hush-2',
      'host=hush-1:1',
      'host=h dbname=hush-1 dbname=hush-2',
    ]) {
      assert.throws(
        () => checkYsqlConfig({ connection_url: `user=u ${text}` }),
        (error) => isCofferError(error, 'invalid-request') && !/hush/.test(error.message),
      );
    }
  });
});

describe('what has no effect', () => {
  it('is a warning that names it', () => {
    for (const name of [
      'application_name',
      'passfile',
      'service',
      'hostaddr',
      'channel_binding',
      'sslcrldir',
      'require_auth',
    ]) {
      warned(url(`h/d?${name}=x`), new RegExp(`settings of connection_url that have no effect: ${name}`));
      warned(dsn(`host=h ${name}=x`), new RegExp(`that have no effect: ${name}`));
    }
    warned(url('h/d?DateStyle=German'), /no effect: datestyle/);
    warned({ ...FIELDS, topology_keys: 'a.b.c' }, /^topology_keys: no effect with load_balance=false$/);
    warned(url('h/d?topology_keys=a.b.c'), /^topology_keys: no effect with load_balance=false$/);
    warned({ ...FIELDS, load_balance: true, fallback_to_topology_keys_only: true }, /no effect without topology_keys/);
    warned(
      { ...FIELDS, load_balance: 'prefer-rr', topology_keys: 'a.b.c', fallback_to_topology_keys_only: true },
      /^fallback_to_topology_keys_only: no effect with load_balance=prefer-rr$/,
    );
    warned(
      { ...FIELDS, sslmode: 'disable', sslrootcert: '/ca', sslcert: '/c' },
      /^sslrootcert, sslcert: no effect with sslmode=disable$/,
    );
    warned({ ...FIELDS, sslrootcert: '/ca' }, /sslrootcert: no effect with sslmode=prefer, which does not verify/);
    warned(
      { ...FIELDS, sslmode: 'verify-ca', sslrootcert: '/ca', tls_ca: 'PEM' },
      /sslrootcert: no effect beside tls_ca/,
    );
    warned({ ...FIELDS, sslkey: '/k' }, /sslkey: no effect without sslcert or tls_certificate/);
    warned({ ...FIELDS, host: '/tmp', sslmode: 'verify-full' }, /sslmode: no effect on a Unix socket/);
    warned({ ...FIELDS, disable_escaping: true }, /disable_escaping: no effect without connection_url/);
    warned(
      { ...FIELDS, owned_objects: 'fail', reassign_owned_to: 'x' },
      /reassign_owned_to: no effect with owned_objects=fail/,
    );
    warned({ ...FIELDS, max_open_connections: 2, max_idle_connections: 5 }, /limited to max_open_connections \(2\)/);
    warned({ ...FIELDS, connect_timeout: 0 }, /0 stands for the default, 10 s/);
    warned({ ...FIELDS, target_session_attrs: 'read-only' }, /users cannot be created or dropped on such a server/);
  });
  it('may be a setting that is mistyped', () => {
    warned(
      url('h/d?sslmodus=require'),
      /"sslmodus" is sent to the server as a session setting; did you mean "sslmode"\?/,
    );
    warned(url('h/d?ssl_mode=require'), /did you mean "sslmode"/);
    warned(dsn('host=h passwrd=x'), /did you mean "password"/);
    assert.deepEqual(checkYsqlConfig(url('h/d?search_path=app&lock_timeout=5s&role=r&app.note=x&work_mem=1MB')), []);
  });
  it('is a field that stands in the URL, which is refused', () => {
    for (const name of ['tls_ca', 'private_key', 'max_open_connections', 'username', 'db', 'owned_objects']) {
      const none = new RegExp(
        `^field "connection_url": "${name}" is not a setting of a URL: give it in its own field$`,
      );
      refused(url(`h/d?${name}=x`), none, /is sent to the server as a session setting/);
      refused(dsn(`host=h ${name}=x`), none);
    }
  });
  it('is nothing that was asked for by its default', () => {
    const defaults = {
      load_balance: false,
      fallback_to_topology_keys_only: false,
      sslmode: 'prefer',
      disable_escaping: 'false',
    };
    assert.deepEqual(checkYsqlConfig({ ...FIELDS, ...defaults, reassign_owned_to: 'coffer_reassigned' }), []);
  });
});

describe('what had no effect once', () => {
  it('is refused by name when it is wrong, and strands nothing that is stored', () => {
    const attributes = /target_session_attrs": "read_write" is not one of any, read-write,/;
    refused({ ...FIELDS, target_session_attrs: 'read_write' }, attributes, attributes);
    refused(url('h/d?target_session_attrs=read_write'), attributes, attributes);
    refused({ ...FIELDS, load_balance_hosts: 'maybe' }, /"load_balance_hosts": "maybe" is not one of false, true/);
    refused(url('h/d?load_balance_hosts=maybe'), /"load_balance_hosts": "maybe" is not one of/, /has no effect/);
    refused({ ...FIELDS, failed_host_ttl_seconds: 'soon' }, /"failed_host_ttl_seconds": "soon" is not one of 0 to 60/);
  });
});

describe('topology_keys', () => {
  const keys = (topology_keys: string) => {
    const warnings: string[] = [];
    const config = { ...FIELDS, load_balance: true, topology_keys };
    const { balance } = parseSettings(config, (text) => warnings.push(text));
    return { warnings: warnings.join('\n'), keys: balance?.topologyKeys ?? [] };
  };
  const balanced = (topology_keys: string): JsonObject => ({ ...FIELDS, load_balance: true, topology_keys });

  it('of a whole cloud or cluster are taken, with a warning', () => {
    warned(
      balanced('aws.*.*'),
      /"aws\.\*\.\*" is taken for the whole cloud "aws"; in the drivers, only the zone may be \*/,
    );
    warned(balanced('*.*.*:2'), /is taken for the whole cluster/);
    assert.deepEqual(keys('aws.*.*').keys, [{ cloud: 'aws', region: '*', zone: '*', level: 1 }]);
  });
  it("that the Go plugin's driver takes strand nothing that is stored", () => {
    refused(balanced('aws.*.c'), /is not of the form/, /"aws\.\*\.c" means any where it has \*/);
    refused(balanced('*.b.c'), /is not of the form/, /means any/);
    refused(balanced('a b.c.d'), /is not of the form/, /fits no node/);
    refused(balanced('a..c'), /is not of the form/, /fits no node/);
    refused(balanced('a.b.c,'), /there is an extra comma/, /there is an extra comma/);
    assert.equal(keys('a.b.c,,a.b.d').keys.length, 2);
    for (const topology_keys of ['a.b', 'a.b.c.d', 'a.b.c:0', 'a.b.c:11', 'a.b.c:x', 'a.b.c:1:2']) {
      assert.throws(() => keys(topology_keys), /is not of the form/, topology_keys);
    }
  });
  it('may have spaces and gaps between levels; of those that are repeated the lowest level counts', () => {
    assert.deepEqual(checkYsqlConfig(balanced(' a.b.c:1 , a.b.d:3')), []);
    warned(balanced('a.b.c:1,a.b.c:2'), /of "a\.b\.c" the lowest level counts/);
  });
});

describe('a placeholder', () => {
  const AWKWARD = ` q'"\\@/:%?#&=é{{username}}[1]`;
  it('is one in quotes, bare, and in the query of a URL', () => {
    for (const connection_url of [
      "host=h user='{{username}}' password='{{password}}'",
      'host=h user={{username}} password={{password}}',
      "host = h user = '{{username}}' password = '{{password}}' dbname='d'",
      'postgres://h/d?user={{username}}&password={{password}}',
      'postgres://h/d?us%65r={{username}}&pass%77ord={{password}}',
    ]) {
      const config = { connection_url, username: AWKWARD, password: `${AWKWARD}2` };
      assert.deepEqual(checkYsqlConfig(config), [], connection_url);
      const { username, password } = parseSettings(config, () => undefined);
      assert.deepEqual([username, password.reveal()], [AWKWARD, `${AWKWARD}2`], connection_url);
    }
  });
  it('is refused when it is mistyped, wherever it stands, without what it says', () => {
    const none =
      /field "connection_url": the value of "\w+" looks like a placeholder but is not one; there are {{username}}/;
    for (const connection_url of [
      'postgres://u:{{pasword}}@h',
      'postgres://{{usernme}}:{{password}}@h',
      'postgres://{{username}}:{{password}}@h/{{db}}',
      'postgres://h/d?user=u&password={{Password}}',
      "host=h user=u password='{{ password }}'",
      'postgres://{username}:{{password}}@h',
      'postgres://u:{{password}@h',
      "host=h user=u password='{{{password}}}'",
    ]) {
      refused(
        { connection_url, ...LOGIN },
        none,
        /^connection_url: the value of "\w+" looks like a placeholder but is not one$/m,
      );
    }
    assert.deepEqual(checkYsqlConfig(url('h/%7B%7Bdb%7D%7D')), []);
  });
});
