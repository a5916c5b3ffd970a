import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { distrust } from './file-trust.ts';

describe('what is started', { skip: process.getuid === undefined }, () => {
  const own = process.getuid?.() ?? 0;
  const file = (mode: number, uid = own) => ({ uid, mode: 0o100_000 | mode });

  it('is writable for its owner alone', () => {
    for (const mode of [0o755, 0o700, 0o500, 0o555, 0o1755]) assert.equal(distrust('/p', file(mode)), undefined);
    for (const mode of [0o775, 0o757, 0o777, 0o720, 0o702]) {
      assert.match(distrust('/p', file(mode)) ?? '', /^"\/p" has insecure permissions 0\d+, .*use "chmod go-w"$/);
    }
  });

  it('belongs to us, to root, or to whom the configuration names', () => {
    assert.equal(distrust('/p', file(0o755, 0)), undefined);
    const stranger = own + 4711;
    assert.match(distrust('/p', file(0o755, stranger)) ?? '', /is owned by uid \d+, neither.*use "chown"/);
    assert.equal(distrust('/p', file(0o755, stranger), { uid: stranger }), undefined);
    assert.match(distrust('/p', file(0o775, stranger), { uid: stranger }) ?? '', /insecure permissions/);
  });

  it('has the very permissions that the configuration names', () => {
    assert.equal(distrust('/p', file(0o775), { permissions: 0o775 }), undefined);
    for (const mode of [0o755, 0o700]) {
      const text = `"/p" has permissions 0${mode.toString(8)}, not 0775 as plugin_file_permissions says: use "chmod 0775"`;
      assert.equal(distrust('/p', file(mode), { permissions: 0o775 }), text);
    }
  });
});
