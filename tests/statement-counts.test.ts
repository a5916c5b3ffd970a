/**
 * What a lease has the database do, statement by statement, and what that costs a YugabyteDB cluster: one statement more
 * fails this test. The tables in docs/database/statements.md are made here.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Secret, silentLogger } from '@coffer/base';
import { startPostgres, startWireProxy, type TestPostgres, type WireProxy } from '@coffer/testkit';
import { YSQL } from '@coffer/ysql';
import { newUser, openYsql } from '../packages/ysql/src/ysql-fixture.ts';
import { configure, issue, SEED_CREATION, startTestServer, type TestServer, connectionTo } from './dev-server.ts';
import { executedBlocks } from './documentation.ts';
import { checkGenerated } from './generated-docs.ts';
import { tryLogin } from './logins.ts';
import { countStatements, type Counted, LOG_EVERY_STATEMENT, STATEMENT_KINDS, total } from './statement-costs.ts';

const IN_ROLE_CREATION = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE app_readers`;

/**
 * Makes PostgreSQL answer for YugabyteDB's setting: its name has one part, which no custom setting of PostgreSQL may
 * have, so the proxy puts one of two parts in its place.
 */
function poseSetting(sql: string): string {
  return sql
    .replace(/pg_catalog\.current_setting\('yb_make_next_ddl_statement_nonbreaking', true\)/, "'off'")
    .replace(/\byb_make_next_ddl_statement_nonbreaking\b/, 'yb.make_next_ddl_statement_nonbreaking');
}

const SHOWN = {
  'in-role': '`IN ROLE`',
  ceiling: '`IN ROLE`, `valid_until=max_ttl`',
  'my-first-role': '`GRANT` in the creation statements',
  'seed-ceiling': '`GRANT` in the creation statements, `valid_until=max_ttl`',
};

function costText({ bumps, breaking }: Pick<Counted, 'bumps' | 'breaking'>): string {
  const mild = bumps - breaking;
  return (
    [...(mild > 0 ? [`${mild} mild`] : []), ...(breaking > 0 ? [`${breaking} breaking`] : [])].join(', ') || 'none'
  );
}

interface LeaseCost {
  readonly issue: Counted;
  readonly renew: Counted;
  readonly revoke: Counted;
}

let database: TestPostgres;
before(async () => {
  database = await startPostgres({ settings: LOG_EVERY_STATEMENT });
  await database.query('CREATE ROLE app_readers');
});
after(() => database.stop());

for (const where of ['PostgreSQL', 'YugabyteDB, posed'] as const) {
  describe(`a lease on ${where}`, () => {
    const spares = where !== 'PostgreSQL';
    let proxy: WireProxy;
    let server: TestServer;

    before(async () => {
      // Not in the proxy's YugabyteDB mode, which has the server run a COMMIT and a BEGIN of its own with each DDL.
      proxy = await startWireProxy({ target: database, ...(spares && { rewrite: poseSetting }) });
      server = await startTestServer();
      await configure(server.client, connectionTo(database, proxy));
      const common = { db_name: 'yugabytedb', default_ttl: '1h', max_ttl: '24h' };
      await server.client.write('database/roles/in-role', { ...common, creation_statements: IN_ROLE_CREATION });
      await server.client.write('database/roles/ceiling', {
        ...common,
        creation_statements: IN_ROLE_CREATION,
        valid_until: 'max_ttl',
      });
      await server.client.write('database/roles/seed-ceiling', {
        ...common,
        creation_statements: SEED_CREATION,
        valid_until: 'max_ttl',
      });
      // One connection, asked once what it is and what it can do.
      await costOf('my-first-role');
    });
    after(async () => {
      await server.close();
      await proxy.stop();
    });

    async function costOf(role: string): Promise<LeaseCost> {
      let leaseId = '';
      const count = (work: () => Promise<unknown>): Promise<Counted> => countStatements(database, work);
      return {
        issue: await count(async () => ({ leaseId } = await issue(server.client, role))),
        renew: await count(() => server.client.write('sys/leases/renew', { lease_id: leaseId, increment: 7200 })),
        revoke: await count(() => server.client.write('sys/leases/revoke', { lease_id: leaseId })),
      };
    }

    it('made IN ROLE, with one renewal, breaks nothing where it can be helped', async () => {
      const cost = await costOf('in-role');
      assert.deepEqual(cost, {
        issue: { statements: { 'CREATE ROLE ... IN ROLE': 1 }, bumps: 1, breaking: 0 },
        renew: spares
          ? { statements: { SET: 1, 'ALTER ROLE': 1 }, bumps: 1, breaking: 0 }
          : { statements: { 'ALTER ROLE': 1 }, bumps: 1, breaking: 1 },
        revoke: spares
          ? { statements: { SELECT: 3, SET: 1, 'DROP ROLE': 1 }, bumps: 1, breaking: 0 }
          : { statements: { SELECT: 3, 'DROP ROLE': 1 }, bumps: 1, breaking: 1 },
      });
      if (spares) assert.deepEqual(total(cost.issue, cost.renew, cost.revoke), { bumps: 3, breaking: 0 });
    });

    it('made as the seed makes it breaks, for what the GRANT left', async () => {
      const cost = await costOf('my-first-role');
      assert.deepEqual(cost, {
        // The SELECT is the advisory lock that keeps two servers' GRANTs apart (decision 0006).
        issue: {
          statements: { SELECT: 1, BEGIN: 1, 'CREATE ROLE': 1, GRANT: 1, COMMIT: 1 },
          bumps: 1,
          breaking: 0,
        },
        renew: spares
          ? { statements: { SET: 1, 'ALTER ROLE': 1 }, bumps: 1, breaking: 0 }
          : { statements: { 'ALTER ROLE': 1 }, bumps: 1, breaking: 1 },
        revoke: {
          statements: { SELECT: 4, BEGIN: 1, REVOKE: 1, COMMIT: 1, 'DROP ROLE': 1 },
          bumps: 2,
          breaking: 2,
        },
      });
      if (spares) assert.deepEqual(total(cost.issue, cost.renew, cost.revoke), { bumps: 4, breaking: 2 });
    });

    it('with valid_until=max_ttl is renewed without a statement', async () => {
      const cost = await costOf('ceiling');
      assert.deepEqual(cost.renew, { statements: {}, bumps: 0, breaking: 0 });
      assert.deepEqual(total(cost.issue, cost.renew, cost.revoke), { bumps: 2, breaking: spares ? 0 : 1 });
    });

    it('is what the documentation says', async () => {
      const rows: string[] = [];
      for (const [role, name] of Object.entries(SHOWN)) {
        const { issue: issued, renew, revoke } = await costOf(role);
        const cells = [issued, renew, revoke, total(issued, renew, revoke)].map(costText);
        rows.push(`| ${[name, ...cells].join(' | ')} |`);
      }
      const head = ['| | issue | one renewal | revoke | in all |', '| --- | --- | --- | --- | --- |'];
      const part = spares ? 'lease costs' : 'lease costs without the setting';
      await checkGenerated('database/statements.md', part, [...head, ...rows].join('\n'));
    });
  });
}

describe('a user with privileges on more than the database', () => {
  const creation = `${SEED_CREATION}; GRANT SELECT ON things TO "{{name}}"`;
  before(async () => {
    await database.query('CREATE TABLE things (id int)');
    await database.query(`GRANT SELECT ON things TO "${database.user}" WITH GRANT OPTION`);
  });

  async function revocationBy(admin: Pick<TestPostgres, 'user' | 'password'>): Promise<Counted['statements']> {
    await using opened = await openYsql({ ...database, ...admin });
    const username = await opened.database.newUser(newUser(creation));
    const { statements } = await countStatements(database, () =>
      opened.database.deleteUser({ username, statements: [] }),
    );
    return statements;
  }

  it('is dropped with DROP OWNED, for which the admin makes itself a member of the user', async () => {
    const { SELECT, ...others } = await revocationBy(database);
    assert.ok(SELECT);
    assert.deepEqual(others, { BEGIN: 1, GRANT: 1, 'DROP OWNED': 1, COMMIT: 1, 'DROP ROLE': 1 });
  });

  it('is dropped without that by a superuser, as the page says', async () => {
    const { SELECT, ...others } = await revocationBy(database.superuser);
    assert.ok(SELECT);
    assert.deepEqual(others, { BEGIN: 1, 'DROP OWNED': 1, COMMIT: 1, 'DROP ROLE': 1 });
  });
});

describe('a rotation', () => {
  it('of the password alone changes no catalog version', async () => {
    const ysql = YSQL.create(silentLogger);
    const { host, port, user: username, password, database: db } = database;
    await ysql.initialize({ config: { host, port, username, password, db }, verifyConnection: true });
    await database.query('CREATE ROLE rotated LOGIN');
    const rotate = (): Promise<void> =>
      ysql.updateUser({ username: 'rotated', password: { newPassword: new Secret('new-password'), statements: [] } });
    assert.deepEqual(await countStatements(database, rotate), {
      statements: { 'ALTER ROLE ... PASSWORD': 1 },
      bumps: 0,
      breaking: 0,
    });
    await ysql.close();
  });
});

describe('the kinds of statements', () => {
  it('are in the documentation with what they cost', async () => {
    const costs = { none: 'none', bump: 'mild', breaking: 'breaking' };
    const rows = STATEMENT_KINDS.map(({ kind, cost }) => `| \`${kind}\` | ${costs[cost]} |`);
    const table = ['| statement | change of the catalog |', '| --- | --- |', ...rows].join('\n');
    await checkGenerated('database/statements.md', 'statement costs', table);
  });
});

describe('the examples with a DO block', () => {
  it('make users', async () => {
    const blocks = executedBlocks('docs/database/statements.md', import.meta.filename);
    const examples = blocks.map(({ text: sql }) => sql);
    assert.equal(examples.length, 2);
    const server = await startTestServer();
    await configure(server.client, connectionTo(database));
    for (const [i, creation_statements] of examples.entries()) {
      await server.client.write(`database/roles/example-${i}`, { db_name: 'yugabytedb', creation_statements });
      const issued = await issue(server.client, `example-${i}`);
      assert.deepEqual(await tryLogin(database, issued.username, issued.password), { user: issued.username });
      await server.client.write('sys/leases/revoke', { lease_id: issued.leaseId });
    }
    await server.close();
  });
});
