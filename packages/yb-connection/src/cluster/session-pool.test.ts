import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { silentLogger } from '@coffer/base';
import pg from 'pg';
import { decodeConnection } from '../settings/connection-settings.ts';
import { QUIET } from '../settings/values.ts';
import { Session, type SessionWish } from '../session/session.ts';
import { SessionPool } from './session-pool.ts';

/** A connection to nowhere. */
class Stub extends Session {
  override get reusable(): boolean {
    return true;
  }

  override get inTransaction(): boolean {
    return false;
  }

  constructor({ node, database = 'db' }: SessionWish) {
    super(new pg.Client(), { applicationName: '', database, host: '', address: '', port: 0 });
    this.node = node ?? 'n1';
  }

  override async close(): Promise<void> {
    this.destroy();
  }
}

const NODES = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];

describe('a pool of connections', () => {
  let opened: string[];
  let alive: Set<Session>;
  beforeEach(() => {
    opened = [];
    alive = new Set();
    mock.timers.enable({ apis: ['setTimeout'] });
  });
  afterEach(() => mock.timers.reset());

  function poolOf(limits: Record<string, number>): SessionPool {
    const settings = decodeConnection({ host: 'h', username: 'u', password: 'p', db: 'db', ...limits }, QUIET);
    const open = async (wish: SessionWish): Promise<Session> => {
      const session = new Stub(wish);
      opened.push(session.node ?? '');
      alive.add(session);
      assert.ok(alive.size <= Math.max(settings.maxOpen, NODES.length));
      session.whenClosed(() => alive.delete(session));
      return session;
    };
    return new SessionPool(settings, silentLogger, open, () => NODES.length);
  }

  /** One connection asks its own node, then all others at once. */
  async function askAll(pool: SessionPool): Promise<void> {
    const first = await pool.use(async (session) => session.node);
    const others = NODES.filter((node) => node !== first);
    await Promise.all(others.map((node) => pool.use(async (session) => assert.equal(session.node, node), { node })));
  }

  it('takes one that was opened for its node only after the others, and the slowest of them last', async () => {
    const pool = poolOf({ max_open_connections: 6 });
    await askAll(pool);
    const taken = await pool.use(async (one) => [one.node, await pool.use(async (other) => other.node)]);
    assert.deepEqual(taken, ['n1', 'n2']);
    assert.equal(opened.length, 6);
    await pool.close();
  });

  it('keeps one for each node while they are asked in turn, and none for their sake a minute later', async () => {
    const pool = poolOf({});
    for (let round = 0; round < 10; round++) {
      await askAll(pool);
      mock.timers.tick(59_000);
    }
    assert.equal(opened.length, NODES.length);
    mock.timers.tick(60_000);
    assert.equal(alive.size, 1);
    await askAll(pool);
    await pool.close();
    assert.equal(alive.size, 0);
  });

  it('keeps no more than is allowed, and then not always the wrong ones', async () => {
    const pool = poolOf({ max_open_connections: 4 });
    let most = 0;
    for (let round = 0; round < 10; round++) {
      await askAll(pool);
      most = Math.max(most, alive.size);
    }
    assert.equal(most, 4);
    assert.ok(opened.length <= 35, `${opened.length} connections of 60`);
    await pool.close();
  });

  it('keeps as many idle ones as are asked for', async () => {
    for (const [limits, count] of [
      [{ max_idle_connections: 2 }, 2],
      [{ max_idle_connections: -1 }, 0],
      [{ max_open_connections: -1 }, 6],
      [{ max_open_connections: 0, max_idle_connections: 0 }, 6],
    ] as const) {
      const pool = poolOf(limits);
      await askAll(pool);
      assert.equal(alive.size, count, JSON.stringify(limits));
      await pool.close();
    }
  });
});
