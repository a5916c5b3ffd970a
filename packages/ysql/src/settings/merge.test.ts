import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCofferError, type JsonObject } from '@coffer/base';
import { mergeYsqlConfig } from './merge.ts';
import { checkYsqlConfig, parseSettings, type YsqlSettings } from './settings.ts';

const LOGIN = { username: 'u', password: 'p' };
const FIELDS: JsonObject = { host: 'h', port: 5434, db: 'd', ...LOGIN };
const URL_FORM: JsonObject = {
  connection_url: 'postgres://{{username}}:{{password}}@h:5434/d?sslmode=disable',
  ...LOGIN,
};

/** What holds after all of the writes, as the engine does them; and what the last of them was told. */
function written(...writes: readonly JsonObject[]): { settings: YsqlSettings; warnings: string; config: JsonObject } {
  let config: JsonObject = {};
  let warnings: readonly string[] = [];
  for (const write of writes) {
    const merged = mergeYsqlConfig(config, write);
    config = merged.config;
    warnings = [...merged.warnings, ...checkYsqlConfig(config)];
  }
  return { settings: parseSettings(config, () => undefined), warnings: warnings.join('\n'), config };
}
const refused = (message: RegExp, ...writes: readonly JsonObject[]): void => {
  assert.throws(
    () => written(...writes),
    (error) => {
      assert.ok(isCofferError(error, 'invalid-request'), String(error));
      assert.match(error.message, message);
      return true;
    },
    JSON.stringify(writes),
  );
};

describe('a field written over a stored connection_url', () => {
  it('is refused when the URL says otherwise, naming both and what to do', () => {
    refused(
      /^field "sslmode" \(verify-full\) contradicts the stored connection_url \(disable\), which also says host, port, db: write the change into connection_url, or connection_url="" with/,
      URL_FORM,
      { sslmode: 'verify-full' },
    );
    refused(/field "port" \(5435\) contradicts the stored connection_url \(5434\)/, URL_FORM, { port: 5435 });
    refused(/field "db" contradicts the stored connection_url/, URL_FORM, { db: 'other' });
    refused(/field "host" contradicts the stored connection_url, which also says port, db, sslmode:/, URL_FORM, {
      host: 'h2',
    });
    const balanced = { ...LOGIN, connection_url: 'host=h load_balance=false' };
    refused(/field "load_balance" \(true\) contradicts .*\(false\)/, balanced, { load_balance: 'any' });
    refused(/field "load_balance" \(true\) contradicts/, balanced, { load_balance_hosts: true });
  });
  it('counts when the URL does not say it, or says the same', () => {
    const { settings, warnings } = written(URL_FORM, { statement_timeout: 7, sslmode: 'DISABLE', port: '5434' });
    assert.deepEqual([settings.statementTimeoutSeconds, settings.tls.mode, warnings], [7, 'disable', '']);
    assert.equal(written({ ...LOGIN, connection_url: 'postgres://h:1' }, { db: 'd' }).settings.database, 'd');
  });
  it('replaces the URL with the others that say all that it says', () => {
    const { settings, warnings, config } = written(URL_FORM, { ...FIELDS, sslmode: 'verify-full' });
    assert.equal(settings.tls.mode, 'verify-full');
    assert.equal(config['connection_url'], undefined);
    assert.match(warnings, /^the stored connection_url was taken out: host, port, db, sslmode replace it$/);
    refused(/which also says sslmode:/, URL_FORM, { ...FIELDS, host: 'h2' });
    // There is no field for it, so it is given up by hand.
    const path = { ...LOGIN, connection_url: 'postgres://h/?search_path=app' };
    refused(/which also says search_path:/, path, { host: 'h2' });
    assert.deepEqual(written(path, { host: 'h2', connection_url: '' }).settings.hosts, [{ host: 'h2', port: 5433 }]);
    assert.deepEqual(written(path, { host: 'h2', connection_url: null }).settings.parameters, {});
  });
  it('is refused for a user or password that the URL says itself, without showing one', () => {
    const literal = { connection_url: 'postgres://u:hush-hush@h/d' };
    for (const [name, value] of Object.entries({ username: 'other', password: 'hush-too' })) {
      assert.throws(
        () => written(literal, { [name]: value }),
        (error) =>
          isCofferError(error, 'invalid-request') &&
          error.message.startsWith(`field "${name}" contradicts the stored connection_url`) &&
          !/hush/.test(error.message),
      );
    }
    assert.equal(written(literal, { username: 'u' }, { password: 'hush-hush' }).warnings, '');
  });
});

describe('a connection_url written over stored fields', () => {
  it('replaces what it says otherwise, with a warning, and leaves the rest', () => {
    const stored = { ...FIELDS, sslmode: 'verify-full', max_open_connections: 2 };
    const { settings, warnings, config } = written(stored, {
      connection_url: 'postgres://{{username}}:{{password}}@other:5434/d?sslmode=disable',
    });
    assert.deepEqual(settings.hosts, [{ host: 'other', port: 5434 }]);
    assert.deepEqual([settings.tls.mode, settings.maxOpen], ['disable', 2]);
    assert.equal(warnings, 'the stored host, sslmode was taken out: connection_url says otherwise');
    assert.deepEqual(Object.keys(config).sort(), [
      'connection_url',
      'db',
      'max_open_connections',
      'password',
      'port',
      'username',
    ]);
    assert.equal(written(stored, URL_FORM, URL_FORM).warnings, '');
  });
  it('does not weaken what it does not say', () => {
    const stored = { ...FIELDS, sslmode: 'verify-full' };
    const { settings } = written(stored, { connection_url: 'postgres://{{username}}:{{password}}@h:5434/d' });
    assert.equal(settings.tls.mode, 'verify-full');
  });
  it('is refused beside fields of the same request that say otherwise', () => {
    refused(/^field "sslmode" \(require\) contradicts connection_url \(disable\): remove one of them$/, {
      ...URL_FORM,
      sslmode: 'require',
    });
    refused(/^field "host" contradicts connection_url: remove/, { ...URL_FORM, host: 'h2' });
    refused(/^field "port" \(5433\) contradicts connection_url \(5434\)/, FIELDS, { ...URL_FORM, port: 5433 });
    refused(/^field "password" contradicts connection_url: write \{\{password\}\} in connection_url instead/, {
      connection_url: "host=h user=u password='x'",
      password: 'y',
    });
    // Braces that are encoded are no placeholder.
    refused(/^field "password" contradicts connection_url: write \{\{password\}\}/, {
      connection_url: 'postgres://u:%7B%7Bpassword%7D%7D@h',
      password: 'y',
    });
    assert.equal(written({ ...URL_FORM, ...FIELDS, sslmode: 'disable' }).warnings, '');
  });
});

describe('a contradiction that is stored already', () => {
  const STORED = { ...FIELDS, sslmode: 'verify-full', ...URL_FORM };
  it('goes on as it did, with a warning', () => {
    const warnings: string[] = [];
    const settings = parseSettings(STORED, (message) => warnings.push(message));
    assert.equal(settings.tls.mode, 'disable');
    assert.deepEqual(warnings, ['connection_url overrides sslmode']);
  });
  it('is settled by the next write, whatever that is about', () => {
    const { config, warnings } = mergeYsqlConfig(STORED, { max_open_connections: 3 });
    assert.equal(config['sslmode'], undefined);
    assert.deepEqual(warnings, ['the stored sslmode was taken out: connection_url says otherwise']);
    assert.deepEqual(checkYsqlConfig(config), []);
  });
});

describe("psycopg's names", () => {
  it('mean our fields, in every form', () => {
    const names = { load_balance_hosts: 'true', failed_host_ttl_seconds: '9' };
    const query = new URLSearchParams(names).toString();
    const keywords = Object.entries(names).map((pair) => pair.join('='));
    for (const config of [
      { ...FIELDS, ...names },
      { ...FIELDS, load_balance_hosts: true, failed_host_ttl_seconds: 9 },
      { ...LOGIN, connection_url: `postgres://{{username}}:{{password}}@h/d?${query}` },
      { ...LOGIN, connection_url: `host=h ${keywords.join(' ')}` },
    ]) {
      const { settings, warnings } = written(config);
      assert.deepEqual([settings.balance?.mode, settings.failedHostDelaySeconds], ['any', 9]);
      assert.equal(warnings, '');
    }
    assert.equal(written({ ...FIELDS, load_balance_hosts: 'disable' }).settings.balance, undefined);
    assert.match(written({ ...FIELDS, load_balance_hosts: 'random' }).warnings, /random has no effect/);
  });
  it('are stored by our own, so that either can be written later', () => {
    const { config, settings } = written({ ...FIELDS, load_balance_hosts: true }, { load_balance: 'only-rr' });
    assert.equal(config['load_balance_hosts'], undefined);
    assert.equal(settings.balance?.mode, 'only-rr');
    assert.equal(written({ ...FIELDS, load_balance: true }, { load_balance_hosts: '' }).settings.balance, undefined);
  });
  it('are refused beside our own with another value, and give way where they are stored', () => {
    const both = { ...FIELDS, failed_host_reconnect_delay_secs: 5, failed_host_ttl_seconds: 7 };
    refused(
      /"failed_host_ttl_seconds" is another name for "failed_host_reconnect_delay_secs", and the two differ/,
      both,
    );
    refused(/"load_balance_hosts" is another name for "load_balance"/, {
      ...FIELDS,
      load_balance: 'true',
      load_balance_hosts: 'false',
    });
    refused(/says load_balance twice, and differently/, {
      ...LOGIN,
      connection_url: 'host=h load_balance=true load_balance_hosts=false',
    });
    const warnings: string[] = [];
    assert.equal(parseSettings(both, (message) => warnings.push(message)).failedHostDelaySeconds, 5);
    assert.match(warnings.join(), /"failed_host_reconnect_delay_secs" overrides "failed_host_ttl_seconds"/);
    assert.equal(written({ ...both, failed_host_ttl_seconds: '5' }).settings.failedHostDelaySeconds, 5);
  });
});
