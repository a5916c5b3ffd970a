import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Deadline, Secret, withDeadline } from '@coffer/base';
import { HashingQueue } from './hashing-queue.ts';
import { PasswordHasher } from './password-hash.ts';

const LOCAL = '127.0.0.1';

describe('password hashes', () => {
  const hasher = new PasswordHasher();
  after(() => hasher.end());

  it('know their password and no other, and are salted', async () => {
    const password = new Secret('pässword');
    const [one, two] = await Promise.all([hasher.hash(password), hasher.hash(password)]);
    assert.notEqual(one.key, two.key);
    assert.equal(await hasher.verify(one, password, LOCAL), true);
    assert.equal(await hasher.verify(one, new Secret('password'), LOCAL), false);
    assert.equal(await hasher.verify({ ...one, salt: two.salt }, password, LOCAL), false);
    assert.ok(!JSON.stringify(one).includes('ssword'));
  });

  it('keep to the parameters they were made with', async () => {
    const password = new Secret('p');
    const hash = await hasher.hash(password);
    assert.equal(await hasher.verify({ ...hash, cost: hash.cost / 2 }, password, LOCAL), false);
  });

  it('let nobody in', async () => assert.equal(await hasher.verifyNobody(new Secret('p'), LOCAL), false));

  it('tell of parameters that cannot be, and go on', async () => {
    const password = new Secret('p');
    const hash = await hasher.hash(password);
    await assert.rejects(hasher.verify({ ...hash, cost: 3 }, password, LOCAL), { code: 'internal' });
    assert.equal(await hasher.verify(hash, password, LOCAL), true);
  });
});

describe('the hashing queue', () => {
  const limits = { workers: 1, logins: 4, loginsPerNetwork: 3, passwords: 2 };
  const password = new Secret('p');

  it('takes so many logins, from one network fewer, and refuses the rest at once', async () => {
    const hasher = new PasswordHasher(new HashingQueue(limits));
    const order: string[] = [];
    const from = (address: string) => hasher.verifyNobody(password, address).finally(() => order.push('login'));
    const set = () => hasher.hash(password).finally(() => order.push('set'));
    const refused = { code: 'too-many-requests', message: 'too many logins wait; try again a little later' };
    const taken: Promise<unknown>[] = [from('2001:db8::1'), from('2001:db8::2'), from('2001:db8::3')];
    await assert.rejects(from('2001:db8::4'), refused, 'three of one /64');
    taken.push(from('192.0.2.1'));
    await assert.rejects(from('192.0.2.2'), refused, 'four in all');
    order.length = 0;
    // Whoever may set passwords is not locked out, and waits for no more than the login at work.
    taken.push(set(), set());
    await assert.rejects(hasher.hash(password), { code: 'too-many-requests' });
    await Promise.all(taken);
    assert.deepEqual(order, ['login', 'set', 'set', 'login', 'login', 'login']);
    assert.equal(await from('2001:db8::4'), false, 'there is room again');
    await hasher.end();
  });

  it('serves those first who have logged in before, and those last who could not, and who make room for others', async () => {
    const hasher = new PasswordHasher(new HashingQueue(limits));
    const hash = await hasher.hash(password);
    const order: string[] = [];
    const from = (address: string, guess = password) =>
      hasher.verify(hash, guess, address).finally(() => order.push(address));
    const guess = new Secret('guess');
    const refused = { code: 'too-many-requests', message: 'too many logins wait; try again a little later' };
    assert.equal(await from('192.0.2.1', guess), false);
    assert.equal(await hasher.verifyNobody(password, '192.0.2.2'), false);
    const [first, second, third, last] = ['192.0.2.1', '192.0.2.2', '192.0.2.1', '192.0.2.2'].map((each) => from(each));
    const lost = assert.rejects(last ?? Promise.resolve(), refused, 'the last of those that wait');
    await assert.rejects(from('192.0.2.1'), refused, 'one that failed takes nobody’s place');
    order.length = 0;
    const good = from('198.51.100.1');
    await lost;
    assert.deepEqual(await Promise.all([first, second, third, good]), [true, true, true, true]);
    assert.deepEqual(order, ['192.0.2.2', '192.0.2.1', '198.51.100.1', '192.0.2.1', '192.0.2.2']);
    // It has logged in since, and goes before those of whom nothing is known.
    const waiting = [from('198.51.100.2'), from('198.51.100.3'), from('192.0.2.1')];
    order.length = 0;
    await Promise.all(waiting);
    assert.deepEqual(order, ['198.51.100.2', '192.0.2.1', '198.51.100.3']);
    await hasher.end();
  });

  it('spends nothing on who has gone, and those behind are served', async () => {
    const hasher = new PasswordHasher(new HashingQueue(limits));
    const client = new AbortController();
    const work = hasher.verifyNobody(password, LOCAL);
    const gone = withDeadline(new Deadline(60_000, { gone: client.signal }), () =>
      hasher.verifyNobody(password, LOCAL),
    );
    const behind = hasher.verifyNobody(password, LOCAL);
    client.abort();
    await assert.rejects(gone, /the client disconnected/);
    assert.deepEqual(await Promise.all([work, behind]), [false, false]);
    await hasher.end();
  });

  it('ends with what waits, and can be used again', async () => {
    const hasher = new PasswordHasher(new HashingQueue(limits));
    const taken = [1, 2, 3].map(() => hasher.verifyNobody(password, LOCAL));
    const outcomes = Promise.allSettled(taken);
    await hasher.end();
    for (const outcome of await outcomes) {
      assert.equal(outcome.status === 'rejected' && (outcome.reason as { code: string }).code, 'unavailable');
    }
    assert.equal(await hasher.verifyNobody(password, LOCAL), false);
    await hasher.end();
  });
});
