/**
 * Error 40001 never reaches the user (and neither do its relatives): each fault is injected at each statement of issue,
 * renew and revoke in turn, by a wire proxy in front of the database, in both of its modes. In YugabyteDB mode every DDL
 * statement commits on its own and ROLLBACK undoes none of it.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  databaseUnderTest,
  type FaultAction,
  startWireProxy,
  type TestDatabase,
  type WireProxy,
} from '@coffer/testkit';
import { configure, connectionTo, issue, type Issued, startTestServer, type TestServer } from './dev-server.ts';
import { issuedRoles, tryLogin } from './logins.ts';

const FAULTS: Readonly<Record<string, FaultAction>> = {
  '40001': {
    type: 'error',
    sqlstate: '40001',
    message:
      'The catalog snapshot used for this transaction has been invalidated: expected: 2, got: 1: MISMATCHED_SCHEMA',
  },
  XX000: { type: 'error', sqlstate: 'XX000', message: 'tuple concurrently updated' },
  '40P01': { type: 'error', sqlstate: '40P01', message: 'deadlock detected' },
  'connection lost before': { type: 'drop-before' },
  'connection lost after': { type: 'drop-after' },
};

const OPERATIONS = ['issue', 'renew', 'revoke'] as const;
type Operation = (typeof OPERATIONS)[number];

for (const mode of ['postgresql', 'yugabytedb'] as const) {
  describe(`faults at every statement, ${mode} mode`, () => {
    let database: TestDatabase;
    let proxy: WireProxy;
    let server: TestServer;

    before(async () => {
      database = await databaseUnderTest({ authMethod: 'md5' });
      proxy = await startWireProxy({ target: database, mode });
      server = await startTestServer();
      await configure(server.client, connectionTo(database, proxy));
      // Connections are made and probed once; the matrix counts the statements of each operation itself.
      await revoke(await issue(server.client));
    });
    after(async () => {
      await server.close();
      await proxy.stop();
      await database.stop();
    });

    const renew = (issued: Issued) => server.client.write('sys/leases/renew', { lease_id: issued.leaseId });
    const revoke = (issued: Issued) => server.client.write('sys/leases/revoke', { lease_id: issued.leaseId });

    /** Runs one operation on a lease of its own; `arm` is called right before it. Checks what must be true after it. */
    async function run(operation: Operation, arm: () => void): Promise<void> {
      if (operation === 'issue') arm();
      const issued = await issue(server.client);
      assert.deepEqual(await issuedRoles(database), [issued.username], 'exactly one role after issue');
      if (operation === 'renew') {
        arm();
        await renew(issued);
      }
      assert.deepEqual(await tryLogin(database, issued.username, issued.password), { user: issued.username });
      if (operation === 'revoke') arm();
      await revoke(issued);
      assert.deepEqual(await issuedRoles(database), [], 'no role after revoke');
    }

    async function statementsOf(operation: Operation): Promise<string[]> {
      // A connection that a fault before this left new is asked once what it is and what it can do.
      await revoke(await issue(server.client));
      const start: { index?: number } = {};
      const issued = operation === 'issue' ? undefined : await issue(server.client);
      start.index = proxy.statements.length;
      if (issued === undefined) {
        const made = await issue(server.client);
        const seen = proxy.statements.slice(start.index).map(({ sql }) => sql);
        await revoke(made);
        return seen;
      }
      await (operation === 'renew' ? renew(issued) : revoke(issued));
      const seen = proxy.statements.slice(start.index).map(({ sql }) => sql);
      if (operation === 'renew') await revoke(issued);
      return seen;
    }

    for (const operation of OPERATIONS) {
      it(`${operation} survives every fault at every statement`, async (test) => {
        const statements = await statementsOf(operation);
        assert.ok(statements.length > 0, 'an operation has statements');
        test.diagnostic(
          `${mode}, ${operation}: ${statements.length} statements × ${Object.keys(FAULTS).length} faults`,
        );
        for (const [name, action] of Object.entries(FAULTS)) {
          for (const offset of statements.keys()) {
            let fired: { readonly fired: number } = { fired: 0 };
            try {
              await run(operation, () => {
                const first = proxy.statements.length;
                fired = proxy.addFault({ match: (_, index) => index === first + offset, action });
              });
            } catch (error) {
              throw new Error(`${name} at statement ${offset + 1}: ${statements[offset] ?? ''}`, { cause: error });
            } finally {
              proxy.clearFaults();
            }
            assert.equal(fired.fired, 1, `${name} hit statement ${offset + 1}`);
          }
        }
      });
    }

    it('16 clients at once, with the seed’s own SQL, get no error', async () => {
      const client = async (): Promise<void> => {
        for (let i = 0; i < 4; i++) await revoke(await issue(server.client));
      };
      await Promise.all(Array.from({ length: 16 }, client));
      assert.deepEqual(await issuedRoles(database), []);
    });
  });
}
