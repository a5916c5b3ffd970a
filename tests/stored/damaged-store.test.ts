/** Rows without which there is nothing to serve: the server says which, and stays closed. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { refusal, StoredHome } from './stored-server.ts';

const VERSION = '0.1.0';
/** In place of a value: no answer may have it. */
const SECRET = 's3cret';

describe('a row without which the server cannot begin', () => {
  let home: StoredHome;
  beforeEach(async () => (home = await StoredHome.make(VERSION)));
  afterEach(() => home.remove());

  for (const [what, damage, said] of [
    [
      'a mount',
      { config: { default_lease_ttl: SECRET } },
      /mounts\/database\/ is damaged: its field "config.default_lease_ttl" is not a whole/,
    ],
    [
      'a mount of a type that is not here',
      { type: 'other' },
      /the mount database\/: plugin not found in the catalog: other/,
    ],
  ] as const) {
    it(`is named, and the server stays sealed: ${what}`, async () => {
      home.change((file) => file.change('mounts/database/', damage));
      const text = await refusal(home.start());
      assert.match(text, said);
      assert.ok(!text.includes(SECRET), text);
    });
  }

  it('is named, and the server stays sealed: who the cluster is', async () => {
    home.change((file) => file.change('core/cluster/identity', { id: [SECRET] }));
    assert.match(
      await refusal(home.start()),
      /entries\/core\/cluster\/identity is damaged: its field "id" is not a string/,
    );
  });

  it('is named, and there is no server: how the store is sealed', async () => {
    home.change((file) =>
      file.run(
        `UPDATE keyring SET value = CAST('{"type":"s3cret","shares":1,"threshold":1}' AS BLOB) WHERE name = 'seal'`,
      ),
    );
    assert.match(
      await refusal(home.start()),
      /keyring\/seal is damaged: its field "type" is not one of shamir, static, transit$/,
    );
  });

  it('is named, and there is no server: what is not JSON', async () => {
    home.change((file) => file.run(`UPDATE keyring SET value = CAST('s3cret' AS BLOB) WHERE name = 'seal'`));
    assert.match(await refusal(home.start()), /keyring\/seal is damaged: it is not a JSON object$/);
  });
});
