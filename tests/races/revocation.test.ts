/** A revocation that was answered has ended everything, whatever its holder is doing on however many connections. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { databaseUnderTest, eventually, type TestDatabase } from '@coffer/testkit';
import { type Answer, type Api, textOf } from '../auth/api.ts';
import {
  accessorOf,
  accessors,
  enableUserpass,
  mountDatabase,
  newToken,
  prepare,
  type RaceServer,
  startRaceServer,
  untilNothingIsLeft,
} from './race-server.ts';
import { type Storage, STORAGES } from './storages.ts';

const CONNECTIONS = 8;
/** Answers that each race has before the end is asked for. */
const RUN_UP = 16;

/** Sends the same kind of request on several connections, until each was refused. */
class Race {
  readonly won: Answer[] = [];
  /** Requests that were sent after the end was answered, and served. */
  #late = 0;
  #ended = false;
  readonly #lanes: Promise<void>[];

  /** `outlives`: whether what a connection sends next may be served after the end. */
  constructor(send: (lane: number) => Promise<Answer>, outlives: (lane: number) => boolean = () => false) {
    this.#lanes = Array.from({ length: CONNECTIONS }, async (_, lane) => {
      for (;;) {
        const late = this.#ended && !outlives(lane);
        const answer = await send(lane);
        // Only so many passwords are hashed at a time: the rest is told to come back.
        if (answer.status === 503) {
          await sleep(20);
          continue;
        }
        if (answer.status >= 300) {
          assert.ok(answer.status < 500, `${answer.status}: ${answer.error}`);
          return;
        }
        this.won.push(answer);
        if (!late) continue;
        this.#late++;
        return;
      }
    });
  }

  async isOn(): Promise<void> {
    await eventually(
      async () => this.won.length >= RUN_UP,
      () => `${this.won.length} answers`,
    );
  }

  /** Every connection was refused, whatever was to end it was asked before. */
  async isOver(): Promise<void> {
    await Promise.all(this.#lanes);
  }

  /** The end was answered: what is sent from here on must be refused. */
  async hasEnded(): Promise<void> {
    this.#ended = true;
    await this.isOver();
    assert.equal(this.#late, 0, 'what was asked after the end was served');
  }

  get tokens(): string[] {
    return this.won.map(({ auth }) => textOf(auth['client_token']));
  }
}

for (const kind of STORAGES) {
  describe(`with the store in ${kind.name}`, () => {
    let database: TestDatabase;
    let storage: Storage;
    let server: RaceServer;
    /** Serves every other connection; another server on the same store where that is possible. */
    let other: RaceServer;

    before(async () => {
      database = await databaseUnderTest({ authMethod: 'md5' });
      storage = await kind.make(database);
      server = await startRaceServer(storage);
      await prepare(server, database);
      other = kind.shared ? await startRaceServer(storage) : server;
    });
    after(async () => {
      if (other !== server) await other.close();
      await server.close();
      await storage.remove();
      await database.stop();
    });

    const apiOf = (lane: number): Api => (lane % 2 === 0 ? server : other).api;
    /** Children of the holder, and children of these: those of `orphans` may be made after its end. */
    const makeChildren = (token: string, orphans = false): Race => {
      const last = Array.from({ length: CONNECTIONS }, () => token);
      const make = async (lane: number): Promise<Answer> => {
        const answer = await apiOf(lane)('POST', 'auth/token/create', {}, { token: last[lane] ?? token });
        const made = answer.auth['client_token'];
        last[lane] = last[lane] === token && typeof made === 'string' ? made : token;
        return answer;
      };
      return new Race(make, (lane) => orphans && last[lane] !== token);
    };
    const askForLogins = (token: string): Race =>
      new Race((lane) => apiOf(lane)('GET', 'database/creds/app', undefined, { token }));
    const logIn = (lane: number): Promise<Answer> =>
      apiOf(lane)('POST', 'auth/userpass/login/ana', { password: 'training' }, { token: '' });

    async function assertEnded(tokens: readonly string[]): Promise<void> {
      for (const token of tokens) assert.ok(!(await server.api.alive(token)), 'a token lives on');
    }

    /** Races a holder that makes children and asks for logins against what ends it. */
    async function race(
      holder: string,
      end: (holder: string) => Promise<unknown>,
      { orphans = false, above = '' } = {},
    ): Promise<void> {
      const before = await accessors(server.api);
      const ended = [await accessorOf(server.api, holder), above];
      const children = makeChildren(holder, orphans);
      const logins = askForLogins(holder);
      await children.isOn();
      await logins.isOn();
      await end(holder);
      await Promise.all([children.hasEnded(), logins.hasEnded()]);
      assert.ok(!(await server.api.alive(holder)));
      if (orphans) await assertOrphans(children);
      else await assertEnded(children.tokens);
      assert.deepEqual(
        await accessors(server.api),
        before.filter((accessor) => !ended.includes(accessor)),
      );
      await untilNothingIsLeft(server, database);
    }

    /** They live on by design; those that were made are orphans, and are all that is there. Ends them. */
    async function assertOrphans(children: Race): Promise<void> {
      const known = new Set(children.won.map(({ auth }) => textOf(auth['accessor'])));
      for (const token of children.tokens) {
        if (!(await server.api.alive(token))) continue;
        const { orphan, path } = await server.api.lookup(token);
        assert.equal(path, 'auth/token/create');
        if (orphan === true) await server.api.ok('POST', 'auth/token/revoke', { token });
      }
      const left = await accessors(server.api);
      assert.deepEqual(
        left.filter((accessor) => known.has(accessor)),
        [],
        'no child is without its parent and no orphan',
      );
    }

    const write = (path: string, body: object = {}, token = 'root') =>
      other.api.ok('POST', path, { ...body }, { token });

    it('ends with `revoke`', async () => {
      await race(await newToken(server.api), (token) => write('auth/token/revoke', { token }));
    });

    it('ends with `revoke-self`', async () => {
      await race(await newToken(server.api), (token) => write('auth/token/revoke-self', {}, token));
    });

    it('ends with `revoke-accessor`', async () => {
      const holder = await newToken(server.api);
      const accessor = await accessorOf(server.api, holder);
      await race(holder, () => write('auth/token/revoke-accessor', { accessor }));
    });

    it('ends with `revoke-orphan`, which leaves the children that there are', async () => {
      await race(await newToken(server.api), (token) => write('auth/token/revoke-orphan', { token }), {
        orphans: true,
      });
    });

    it('ends with the token above', async () => {
      const token = await newToken(server.api);
      const above = await accessorOf(server.api, token);
      const { auth } = await server.api.ok('POST', 'auth/token/create', {}, { token });
      await race(textOf(auth['client_token']), () => write('auth/token/revoke', { token }), { above });
    });

    it('ends when its time is over', async () => {
      const holder = await newToken(server.api);
      const own = await accessorOf(server.api, holder);
      await race(holder, async () => {
        // It is over soon once everybody is at work, and not before.
        await write('auth/token/renew', { token: holder, increment: '1s' });
        await eventually(
          async () => !(await accessors(server.api)).includes(own),
          () => 'the token does not expire',
        );
      });
    });

    it('ends with its last use, and the logins that it asked for', async () => {
      const before = await accessors(server.api);
      const logins = askForLogins(await newToken(server.api, { num_uses: 24 }));
      await logins.isOver();
      assert.ok(logins.won.length <= 24);
      await untilNothingIsLeft(server, database);
      await eventually(
        async () => (await accessors(server.api)).join() === before.join(),
        () => 'the token is still there',
      );
    });

    it('ends with the prefix that it was issued at', async () => {
      for (const prefix of ['auth/userpass/login/ana', 'auth/userpass']) {
        const holder = textOf((await logIn(0)).auth['client_token']);
        await race(holder, () => write(`sys/leases/revoke-prefix/${prefix}`));
      }
    });

    it('ends with the auth method, as do the logins that were under way', async () => {
      const before = await accessors(server.api);
      const holder = textOf((await logIn(0)).auth['client_token']);
      // Of one server: what is mounted where is known to the one that was asked.
      const logins = new Race(() => logIn(0));
      await eventually(
        async () => logins.won.length > 0,
        () => 'nobody logs in',
      );
      const children = makeChildren(holder);
      const credentials = askForLogins(holder);
      await Promise.all([children.isOn(), credentials.isOn()]);
      await server.api.ok('DELETE', 'sys/auth/userpass');
      await Promise.all([logins.hasEnded(), children.hasEnded(), credentials.hasEnded()]);
      await assertEnded([holder, ...logins.tokens, ...children.tokens]);
      assert.deepEqual(await accessors(server.api), before);
      await untilNothingIsLeft(server, database);
      await enableUserpass(server.api);
    });

    it('leaves no login when the engine is disabled', async () => {
      const holder = await newToken(server.api);
      const logins = new Race(() => server.api('GET', 'database/creds/app', undefined, { token: holder }));
      await logins.isOn();
      await server.api.ok('DELETE', 'sys/mounts/database');
      await logins.hasEnded();
      await untilNothingIsLeft(server, database);
      await mountDatabase(server.api, database);
    });

    it('leaves none of the logins that were there when a prefix was revoked', async () => {
      const holder = await newToken(server.api);
      const logins = new Race(() => server.api('GET', 'database/creds/app', undefined, { token: holder }));
      await logins.isOn();
      const issued = logins.won.map(({ body }) => textOf(body['lease_id']));
      await server.api.ok('PUT', 'sys/leases/revoke-prefix/database/creds/app', {});
      for (const lease_id of issued) {
        await server.api.refused([400, 'invalid lease'], 'PUT', 'sys/leases/lookup', { lease_id });
      }
      await server.api.ok('POST', 'auth/token/revoke', { token: holder });
      await logins.hasEnded();
      await untilNothingIsLeft(server, database);
    });
  });
}
