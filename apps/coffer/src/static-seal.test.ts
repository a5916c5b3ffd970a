import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { readStaticKeys } from './static-seal.ts';

describe('a static key in the environment', () => {
  const current = { id: 'new', url: 'env://NEW_KEY' };
  const previous = { id: 'old', url: 'env://OLD_KEY' };

  it('is out of it once it was read, the one before too', async () => {
    const [one, two] = [randomBytes(32), randomBytes(32)];
    const env = { NEW_KEY: one.toString('hex'), OLD_KEY: two.toString('base64'), PATH: '/bin' };
    const seal = await readStaticKeys({ current, previous }, env);
    assert.deepEqual(env, { PATH: '/bin' });
    assert.deepEqual(Buffer.from(seal.current.key), one);
    assert.deepEqual(Buffer.from(seal.previous?.key ?? []), two);
  });

  it('may be in one variable for both', async () => {
    const env = { NEW_KEY: randomBytes(32).toString('hex') };
    const seal = await readStaticKeys({ current, previous: { id: 'old', url: current.url } }, env);
    assert.deepEqual(seal.previous?.key, seal.current.key);
    assert.deepEqual(env, {});
  });

  it('is named when it is missing, and never shown when it is wrong', async () => {
    await assert.rejects(readStaticKeys({ current }, {}), /the environment variable NEW_KEY is not set/);
    const wrong = readStaticKeys({ current }, { NEW_KEY: 'tooshort' });
    await assert.rejects(
      wrong,
      (error: Error) => /32 bytes/.test(error.message) && !error.message.includes('tooshort'),
    );
  });
});
