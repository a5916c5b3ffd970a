import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import pg from 'pg';
import {
  eventually,
  type FaultAction,
  startPostgres,
  startWireProxy,
  type TestPostgres,
  type WireProxy,
} from './index.ts';

let postgres: TestPostgres;
let plain: WireProxy;
let yugabytedb: WireProxy;
let roles = 0;

before(async () => {
  postgres = await startPostgres();
  plain = await startWireProxy({ target: postgres });
  yugabytedb = await startWireProxy({ target: postgres, mode: 'yugabytedb' });
  await postgres.query('CREATE TABLE marks (name text)');
  await postgres.query(`GRANT ALL ON marks TO ${postgres.user}`);
});
after(async () => {
  await Promise.all([plain.stop(), yugabytedb.stop()]);
  await postgres.stop();
});
afterEach(() => {
  for (const proxy of [plain, yugabytedb]) proxy.clearFaults();
});

async function connected<T>(proxy: WireProxy, use: (client: pg.Client) => Promise<T>, name = 'kit'): Promise<T> {
  const { user, password, database } = postgres;
  const client = new pg.Client({
    host: proxy.host,
    port: proxy.port,
    user,
    password,
    database,
    application_name: name,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

const roleExists = async (name: string): Promise<boolean> =>
  (await postgres.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [name])).length === 1;
const markExists = async (name: string): Promise<boolean> =>
  (await postgres.query('SELECT 1 FROM marks WHERE name = $1', [name])).length === 1;
const newName = (): string => `kit_${++roles}`;
const gone = /Connection terminated/;

/** The two ways in which a client runs one statement: as a simple query, and by Parse, Bind, Execute, Sync. */
const PROTOCOLS = {
  simple: (client: pg.Client, name: string) => client.query(`INSERT INTO marks VALUES ('${name}')`),
  extended: (client: pg.Client, name: string) => client.query('INSERT INTO marks VALUES ($1)', [name]),
};
const injected = { sqlstate: '40001', message: 'could not serialize access' } as const;

for (const [protocol, insert] of Object.entries(PROTOCOLS)) {
  const hit = (action: FaultAction) => plain.addFault({ match: /^INSERT/, action });

  describe(`faults over the ${protocol} protocol`, () => {
    it('records statements with connection and application_name', async () => {
      const from = plain.statements.length;
      const name = newName();
      await connected(plain, (client) => insert(client, name), 'who');
      const [record, ...more] = plain.statements.slice(from);
      assert.equal(more.length, 0);
      assert.equal(record?.applicationName, 'who');
      assert.equal(record.protocol, protocol);
      assert.equal(record.index, from);
      assert.match(record.sql, /^INSERT INTO marks/);
      assert.equal(await markExists(name), true);
    });

    it('answers an error once and goes on', async () => {
      const name = newName();
      const fault = hit({ type: 'error', ...injected });
      await connected(plain, async (client) => {
        await assert.rejects(insert(client, name), { code: '40001', message: injected.message, severity: 'ERROR' });
        assert.equal(await markExists(name), false);
        await insert(client, name);
      });
      assert.equal(fault.fired, 1);
      assert.equal(await markExists(name), true);
    });

    it('fails the block of a statement that got an error', async () => {
      const name = newName();
      hit({ type: 'error', ...injected });
      await connected(plain, async (client) => {
        await client.query('BEGIN');
        await assert.rejects(insert(client, name), { code: '40001' });
        await assert.rejects(insert(client, name), { code: '25P02' });
        assert.equal((await client.query('COMMIT')).command, 'ROLLBACK');
        await client.query('SELECT 1');
      });
      assert.equal(await markExists(name), false);
    });

    it('answers an error after the effect', async () => {
      const name = newName();
      hit({ type: 'error-after', ...injected });
      await connected(plain, async (client) => {
        await assert.rejects(insert(client, name), { code: '40001' });
        await client.query('SELECT 1');
      });
      assert.equal(await markExists(name), true);
      const undone = newName();
      hit({ type: 'error-after', ...injected });
      await connected(plain, async (client) => {
        await client.query('BEGIN');
        await assert.rejects(insert(client, undone), { code: '40001' });
        await assert.rejects(insert(client, undone), { code: '25P02' });
        await client.query('ROLLBACK');
      });
      assert.equal(await markExists(undone), false);
    });

    it('drops the connection before the effect, or after it', async () => {
      const [before, after] = [newName(), newName()];
      hit({ type: 'drop-before' });
      await connected(plain, (client) => assert.rejects(insert(client, before), gone));
      assert.equal(await markExists(before), false);
      hit({ type: 'drop-after' });
      await connected(plain, (client) => assert.rejects(insert(client, after), gone));
      assert.equal(await markExists(after), true);
    });

    it('ends the connection with a FATAL error', async () => {
      hit({ type: 'fatal', sqlstate: '57P01', message: 'terminating connection due to administrator command' });
      await connected(plain, (client) =>
        assert.rejects(insert(client, newName()), { code: '57P01', severity: 'FATAL' }),
      );
    });

    it('delays a statement, which then has its effect, unless the connection is dropped first', async () => {
      const late = newName();
      hit({ type: 'delay', ms: 20 });
      await connected(plain, (client) => insert(client, late));
      assert.equal(await markExists(late), true);
      await neverComes({ type: 'delay', ms: 3_600_000 });
    });

    it('holds a statement until something has come, unless the connection is dropped first', async () => {
      const held = newName();
      const { promise: until, resolve: release } = Promise.withResolvers<undefined>();
      const fault = hit({ type: 'hold', until });
      await connected(plain, async (client) => {
        const inserted = insert(client, held);
        await eventually(() => fault.fired > 0, 'the statement');
        assert.equal(await markExists(held), false);
        release(undefined);
        await inserted;
      });
      assert.equal(await markExists(held), true);
      await neverComes({ type: 'hold', until: new Promise(() => undefined) });
    });

    async function neverComes(action: FaultAction): Promise<void> {
      const never = newName();
      const fault = hit(action);
      await connected(plain, async (client) => {
        const lost = assert.rejects(insert(client, never), gone);
        await eventually(() => fault.fired > 0, 'the statement');
        plain.dropAll();
        await lost;
      });
      assert.equal(await markExists(never), false);
    }
  });
}

describe('faults at COMMIT and BEGIN', () => {
  const committing = async (action: FaultAction, expected: object | RegExp): Promise<boolean> => {
    const name = newName();
    plain.addFault({ match: /^COMMIT$/, action });
    await connected(plain, async (client) => {
      await client.query('BEGIN');
      await PROTOCOLS.simple(client, name);
      await assert.rejects(client.query('COMMIT'), expected);
    });
    return markExists(name);
  };

  it('loses the transaction, or only the answer', async () => {
    assert.equal(await committing({ type: 'error', ...injected }, { code: '40001' }), false);
    assert.equal(await committing({ type: 'error-after', ...injected }, { code: '40001' }), true);
    assert.equal(await committing({ type: 'drop-before' }, gone), false);
    assert.equal(await committing({ type: 'drop-after' }, gone), true);
  });

  it('leaves no block open after an error for COMMIT, none begun after one for BEGIN', async () => {
    for (const match of [/^BEGIN$/, /^COMMIT$/]) plain.addFault({ match, action: { type: 'error', ...injected } });
    await connected(plain, async (client) => {
      const outsideBlock = () => assert.rejects(client.query('SAVEPOINT probe'), { code: '25P01' });
      await assert.rejects(client.query('BEGIN'), { code: '40001' });
      await outsideBlock();
      await client.query('BEGIN');
      await client.query('SAVEPOINT probe');
      await assert.rejects(client.query('COMMIT'), { code: '40001' });
      await outsideBlock();
    });
  });

  it('matches by index, and passes the real error of a statement that was to fail after its effect', async () => {
    const at = plain.statements.length + 1;
    plain.addFault({ match: (_sql, index) => index === at, action: { type: 'error-after', ...injected } });
    await connected(plain, async (client) => {
      await client.query('SELECT 1');
      await assert.rejects(client.query('SELECT 1 / 0'), { code: '22012' });
      await client.query('SELECT 1');
    });
  });
});

describe('connections', () => {
  it('speaks plain to a client that asks for TLS, passes errors of the login and named statements', async () => {
    const { user, database, password } = postgres;
    const { host, port } = plain;
    await assert.rejects(
      new pg.Client({ host, port, user, database, password, ssl: true }).connect(),
      /does not support SSL/,
    );
    await assert.rejects(new pg.Client({ host, port, user, database, password: 'wrong' }).connect(), { code: '28P01' });
    await connected(plain, async (client) => {
      for (const value of [1, 2]) {
        const { rows } = await client.query<{ v: number }>({ name: 'n', text: 'SELECT $1::int AS v', values: [value] });
        assert.equal(rows[0]?.v, value);
      }
      const big = await client.query<{ n: number }>(`SELECT repeat('x', 1000) AS t, n FROM generate_series(1, 3000) n`);
      assert.equal(big.rows.length, 3000);
    });
    assert.deepEqual(
      plain.statements.slice(-3, -1).map((statement) => statement.sql),
      ['SELECT $1::int AS v', 'SELECT $1::int AS v'],
    );
  });

  it('passes the FATAL error of a session ended by the administrator while idle', async () => {
    await connected(plain, async (client) => {
      const ended = new Promise<Error>((resolve) => client.once('error', resolve));
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await postgres.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      assert.match((await ended).message, /terminating connection due to administrator command/);
    });
  });

  it('drops all, refuses and hangs, and comes back on the same port', async () => {
    const { port } = plain;
    await connected(plain, async (client) => {
      assert.equal(plain.connections, 1);
      const lost = assert.rejects(client.query('SELECT pg_sleep(60)'), gone);
      await eventually(() => plain.statements.at(-1)?.sql === 'SELECT pg_sleep(60)', 'the statement');
      plain.dropAll();
      await lost;
    });
    await plain.refuse(true);
    await assert.rejects(
      connected(plain, (client) => client.query('SELECT 1')),
      { code: 'ECONNREFUSED' },
    );
    await plain.refuse(false);
    assert.equal(plain.port, port);
    plain.hang(true);
    const silent = new pg.Client({ host: plain.host, port, connectionTimeoutMillis: 100 });
    silent.on('error', () => undefined);
    await assert.rejects(silent.connect(), /timeout/);
    plain.hang(false);
    await connected(plain, (client) => client.query('SELECT 1'));
  });
});

describe('yugabytedb mode', () => {
  const createAndRollBack = async (proxy: WireProxy, name: string): Promise<void> =>
    connected(proxy, async (client) => {
      await client.query('BEGIN');
      await client.query(`CREATE ROLE ${name}`);
      await assert.rejects(client.query(`GRANT missing_role TO ${name}`), { code: '42704' });
      await assert.rejects(client.query('SELECT 1'), { code: '25P02' });
      await client.query('ROLLBACK');
    });

  it('keeps a role whose transaction is rolled back, unlike postgresql mode', async () => {
    const [kept, undone] = [newName(), newName()];
    await createAndRollBack(yugabytedb, kept);
    await createAndRollBack(plain, undone);
    assert.equal(await roleExists(kept), true);
    assert.equal(await roleExists(undone), false);
  });

  it('goes on in a block after DDL, whose other statements roll back', async () => {
    const [role, mark] = [newName(), newName()];
    await connected(yugabytedb, async (client) => {
      await client.query('BEGIN');
      const answer = await client.query(`CREATE ROLE ${role}`);
      assert.equal(answer.command, 'CREATE');
      await PROTOCOLS.extended(client, mark);
      await client.query('ROLLBACK');
    });
    assert.equal(await roleExists(role), true);
    assert.equal(await markExists(mark), false);
  });

  it('keeps what DDL did when its answer or the COMMIT is lost', async () => {
    for (const match of [/^CREATE ROLE/, /^COMMIT/]) {
      const name = newName();
      const type = match.source.includes('COMMIT') ? 'drop-before' : 'drop-after';
      yugabytedb.addFault({ match, action: { type } });
      await connected(yugabytedb, async (client) => {
        await client.query('BEGIN');
        await assert.rejects(
          client.query(`CREATE ROLE ${name}`).then(() => client.query('COMMIT')),
          gone,
        );
      });
      assert.equal(await roleExists(name), true);
    }
  });
});
