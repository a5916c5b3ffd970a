import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { CofferError, createLogger, formatLogLine, isCofferError } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import { Barrier } from './barrier/barrier.ts';
import { createKeyring } from './barrier/keyring.ts';
import { Core } from './core.ts';
import { type EngineContext, type EngineFactory, type OutgoingResponse, definePath, grantTtl } from '@coffer/framework';
import { eventually } from '@coffer/testkit';

/** A real engine whose outside world is a set of names. */
class Door {
  readonly open = new Set<string>();
  failures = 0;
  ttl = 3600;

  factory: EngineFactory = (context) => ({
    help: 'Opens doors.',
    paths: [this.#keys(context)],
    renew: async (lease, increment) =>
      grantTtl({
        increment,
        limits: [{ defaultTtl: 60, maxTtl: 7200 }],
        issueTime: lease.issueTime,
        now: Date.now(),
      }),
    revoke: async (lease) => {
      if (this.failures > 0) {
        this.failures--;
        throw new CofferError('failed', 'the door is stuck');
      }
      this.open.delete(lease.data['name'] as string);
    },
    close: () => Promise.resolve(),
  });

  #keys(context: EngineContext) {
    return definePath({
      pattern: 'keys/:name',
      fields: { name: { type: 'string', required: true, description: 'The door.' } },
      otherFields: 'refuse',
      synopsis: 'Opens a door.',
      read: async ({ fields, token, mountPath }) => {
        const now = Date.now();
        const creating = await context.leases.begin({
          path: `${mountPath}keys/${fields.name}`,
          token: token ?? assert.fail('no token'),
          renewable: true,
          data: { name: fields.name },
          issueTime: now,
          expireTime: now + this.ttl * 1000,
        });
        if (fields.name === 'jammed') {
          await creating.abandon(false);
          throw new CofferError('unavailable', 'nobody knows whether it opened');
        }
        if (fields.name === 'broken') throw new TypeError('no such hinge');
        this.open.add(fields.name);
        await creating.activate();
        return { data: { key: 'k' }, lease: { id: creating.id, durationSeconds: this.ttl, renewable: true } };
      },
    });
  }
}

describe('core', () => {
  let store: Store;
  let core: Core;
  let door: Door;
  let root: string;
  let log: string;

  beforeEach(async () => {
    log = '';
    store = await openEmbeddedStore({ path: ':memory:' });
    door = new Door();
    const logger = createLogger('', 'error', (entry) => (log += formatLogLine(entry)));
    core = new Core({ store, barrier: new Barrier(createKeyring()), builtinPlugins: [], logger });
    core.install({ engines: new Map([['door', door.factory]]) });
    await core.start();
    await core.services.mounts.enable('door', 'door', {});
    root = await newToken(['root']);
  });
  afterEach(async () => {
    await core.stop();
    await store.close();
  });

  async function newToken(policies: string[], rest: { parent?: string; numUses?: number; expireTime?: number } = {}) {
    const { token } = await core.services.tokens.create({
      parent: rest.parent ?? '',
      displayName: 'token',
      policies,
      path: 'auth/token/create',
      meta: null,
      creationTime: Date.now(),
      creationTtl: 0,
      expireTime: rest.expireTime ?? null,
      explicitMaxTtl: 0,
      period: 0,
      numUses: rest.numUses ?? 0,
      renewable: false,
    });
    return token.reveal();
  }
  const read = (path: string, token: string): Promise<OutgoingResponse | undefined> =>
    core.handle({ id: randomUUID(), operation: 'read', path, token, data: {}, remoteAddress: '127.0.0.1' });
  const issue = async (name: string, token = root): Promise<string> =>
    (await read(`door/keys/${name}`, token))?.lease?.id ?? '';

  it('refuses without a token, with a wrong one, and by policy, each in its own words', async () => {
    for (const token of ['', 'wrong']) {
      await assert.rejects(read('door/keys/a', token), { code: 'permission-denied', message: 'permission denied' });
    }
    await core.services.policies.put('other', 'path "door/keys/b" { capabilities = ["read"] }');
    await assert.rejects(read('door/keys/a', await newToken(['other'])), {
      code: 'permission-denied',
      message: '1 error occurred:\n\t* permission denied\n\n',
    });
    assert.equal(door.open.size, 0);
  });

  it('says what has no route, no path and no operation', async () => {
    await assert.rejects(read('nowhere/x', root), {
      code: 'not-found',
      message: 'no handler for route "nowhere/x". route entry not found.',
    });
    await assert.rejects(read('door/windows', root), { code: 'not-found', message: /unsupported path/ });
    const list = core.handle({
      id: '',
      operation: 'list',
      path: 'door/keys/a',
      token: root,
      data: {},
      remoteAddress: '',
    });
    await assert.rejects(list, { code: 'unsupported', message: /unsupported operation/ });
  });

  it('revokes at the end of the TTL', async () => {
    door.ttl = 1;
    const id = await issue('a');
    assert.ok(door.open.has('a'));
    await eventually(() => !door.open.has('a'), 'the end of it');
    assert.equal(await core.services.leaseList.lookup(id), undefined);
  });

  it('renews to the ceiling and not beyond', async () => {
    const id = await issue('a');
    assert.equal((await core.services.leases.renew(id, 100)).ttl, 100);
    const { ttl, warnings } = await core.services.leases.renew(id, 90_000);
    assert.ok(ttl <= 7200 && ttl > 7190);
    assert.match(warnings[0] ?? '', /exceeded the effective max_ttl/);
    await assert.rejects(core.services.leases.renew('door/keys/a/nothing', 0), { message: 'lease not found' });
  });

  it('keeps a lease whose revocation fails, with the error, and ends it when it can', async () => {
    const id = await issue('a');
    door.failures = 1;
    await assert.rejects(core.services.leases.revoke(id), { code: 'failed', message: /the door is stuck/ });
    const owed = await core.services.leaseList.lookup(id);
    assert.equal(owed?.lastError, 'the door is stuck');
    assert.equal(owed.attempts, 1);
    assert.ok(door.open.has('a'));
    await eventually(async () => (await core.services.leaseList.lookup(id)) === undefined, 'the end of it');
    assert.equal(door.open.has('a'), false);
  });

  it('revokes a prefix, goes on after a failure, and forgets by force only', async () => {
    await Promise.all(['a', 'b', 'c'].map((name) => issue(name)));
    door.failures = 1;
    await assert.rejects(core.services.leases.revokePrefix('door/'), /1 of 3 leases could not be revoked/);
    assert.equal(door.open.size, 1);
    door.failures = 1;
    await core.services.leases.revokePrefix('door/', { force: true });
    assert.equal(await core.services.leaseList.count(), 0);
    assert.equal(door.open.size, 1);
  });

  it('undoes a creation whose outcome is unknown', async () => {
    door.open.add('jammed');
    await assert.rejects(read('door/keys/jammed', root), { code: 'unavailable' });
    await eventually(() => !door.open.has('jammed'), 'the end of it');
    assert.equal(await core.services.leaseList.count(), 0);
  });

  it('ends the leases of a token and of its children with it', async () => {
    await core.services.policies.put('keys', 'path "door/keys/*" { capabilities = ["read"] }');
    const parent = await newToken(['keys']);
    const parentId = (await core.services.tokens.lookup(parent))?.id ?? '';
    const child = await newToken(['keys'], { parent: parentId });
    await issue('a', parent);
    await issue('b', child);
    await issue('c', root);
    await core.services.tokens.revoke(parentId);
    await eventually(() => !door.open.has('a') && !door.open.has('b'), 'the end of it');
    assert.ok(door.open.has('c'));
    await assert.rejects(read('door/keys/a', child), { code: 'permission-denied' });
  });

  it('ends tokens at their time and after their last use', async () => {
    await core.services.policies.put('keys', 'path "door/keys/*" { capabilities = ["read"] }');
    const brief = await newToken(['keys'], { expireTime: Date.now() + 1_000 });
    await issue('a', brief);
    await eventually(() => !door.open.has('a'), 'the end of it');
    await assert.rejects(read('door/keys/a', brief), { code: 'permission-denied' });
    const twice = await newToken(['keys'], { numUses: 2 });
    const uses = await Promise.allSettled(Array.from({ length: 5 }, () => read('door/keys/x', twice)));
    // A credential of the last use would end with it, so none is made; whoever came later has no token.
    const refusals = uses.flatMap((use) => (use.status === 'rejected' ? [String(use.reason)] : []));
    assert.equal(refusals.filter((text) => text.includes('token had one use left')).length, 1);
    assert.equal(refusals.filter((text) => text.includes('permission denied')).length, 3);
    assert.equal(uses.length - refusals.length, 1);
  });

  it('ends many tokens that expire together, parents and children alike, and no others', async () => {
    await core.services.policies.put('keys', 'path "door/keys/*" { capabilities = ["read"] }');
    const living = await newToken(['keys']);
    let parent = '';
    for (let n = 0; n < 120; n++) {
      const token = await newToken(['keys'], { parent: n % 2 === 1 ? parent : '', expireTime: Date.now() + 3_600_000 });
      parent = (await core.services.tokens.lookup(token))?.id ?? '';
      if (n % 10 === 0) await issue(`door-${n}`, token);
    }
    await issue('stays', living);
    // Their hour passes at once: a parent that ended while its children were still being made would have none.
    await store.run('UPDATE tokens SET expire_time = 1 WHERE expire_time IS NOT NULL');
    await eventually(async () => (await core.services.tokens.accessors()).length === 2, 'the end of it');
    await eventually(() => door.open.size === 1, 'the end of it');
    assert.deepEqual([...door.open], ['stays']);
    assert.ok(await core.services.tokens.lookup(living));
  });

  it('mounts a path once, also when asked twice at the same time', async () => {
    const results = await Promise.allSettled([1, 2].map(() => core.services.mounts.enable('gate', 'door', {})));
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    await assert.rejects(core.services.mounts.enable('gate/inner', 'door', {}), /path is already in use at gate\//);
  });

  it('keeps a mount whose leases cannot be revoked', async () => {
    await issue('a');
    door.failures = 1;
    const disable = () => core.services.mounts.disable('door', (path) => core.services.leases.revokePrefix(path));
    await assert.rejects(disable(), /stuck/);
    assert.ok(core.services.mounts.get('door/'));
    await disable();
    assert.equal(core.services.mounts.get('door/'), undefined);
    assert.equal(door.open.size, 0);
  });

  it('never lets what an engine throws unexpectedly out as it is, and logs it', async () => {
    const unexpected = (error: unknown): boolean =>
      isCofferError(error, 'internal') && error.message === 'internal error';
    await assert.rejects(read('door/keys/broken', root), unexpected);
    assert.match(log, /internal error: .*no such hinge/);
  });
});
