import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { roleAllowed, shownDetails, urlHoldsPassword } from './config-entry.ts';

describe('what a read of a connection shows', () => {
  it('leaves out credentials and keys', () => {
    const details = { host: 'h', password: 'p', private_key: 'k', sslpassword: 's', username: 'u' };
    assert.deepEqual(shownDetails(details), { host: 'h', username: 'u' });
  });

  it('masks a password in a URL, and keeps placeholders', () => {
    const cases = [
      ['postgres://u:secret@h:5433/db', 'postgres://u:*****@h:5433/db'],
      ['postgres://u:p%40s/s@h/db?sslmode=require', 'postgres://u:*****@h/db?sslmode=require'],
      ['postgres://u:a@b:c@h/db', 'postgres://u:*****@h/db'],
      ['postgres://{{username}}:{{password}}@h/db', 'postgres://{{username}}:{{password}}@h/db'],
      [
        'postgres://h/db?user=u&password=secret&sslmode=require',
        'postgres://h/db?user=u&password=*****&sslmode=require',
      ],
      [`host=h user=u password='se cret' dbname=d`, 'host=h user=u password=***** dbname=d'],
      ['host=h password={{password}}', 'host=h password={{password}}'],
      ['postgres://h/db', 'postgres://h/db'],
    ] as const;
    for (const [url, shown] of cases) {
      assert.deepEqual(shownDetails({ connection_url: url }), { connection_url: shown });
      assert.equal(urlHoldsPassword(url), url !== shown, url);
    }
  });
});

describe('allowed roles', () => {
  it('are names, globs, or all', () => {
    assert.equal(roleAllowed(['*'], 'any'), true);
    assert.equal(roleAllowed([], 'any'), false);
    assert.equal(roleAllowed(['app-*', 'web'], 'app-1'), true);
    assert.equal(roleAllowed(['app-*', 'web'], 'web'), true);
    assert.equal(roleAllowed(['app-*', 'web'], 'web2'), false);
    assert.equal(roleAllowed(['a.c'], 'abc'), false);
  });
});
