/**
 * A store that cannot keep what it is given, from any write of a request on: the request fails with a clear error, nothing
 * is half done, and once the store works again the same process goes on and cleans up. With CRASH=all also a store that
 * keeps a write and cannot say so, as when the connection to a database breaks.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CofferError } from '@coffer/base';
import { CASES, type CrashCase } from './cases.ts';
import { CrashHarness } from './harness.ts';
import { checkInvariant, settle } from './invariant.ts';
import { type Intervention, isWrite, ObservedStore, type StoreCall } from './observed-store.ts';
import { type CrashServer, openServer } from './server.ts';

interface StoreFault {
  /** What packages/store says then. */
  readonly message: string;
  /** What the request may answer. */
  readonly codes: readonly CofferError['code'][];
  /** Counts the writes, and steps in at the one with this index. */
  readonly at: (index: number, writes: { count: number }, error: CofferError) => Intervention;
}

/** Fails every write from then on. */
const FULL: StoreFault = {
  message: 'store: the disk is full: nothing of this request was stored. Free some space and repeat it',
  codes: ['unavailable'],
  at: (index, writes, error) => async (call, work) => {
    if (!isWrite(call) || writes.count++ < index) return work();
    throw error;
  },
};

/** Keeps the write, and answers an error all the same. */
const OUTCOME_UNKNOWN: StoreFault = {
  message: 'store: the connection to the database broke: it is unknown whether the request was stored',
  codes: ['unavailable', 'failed'],
  at: (index, writes, error) => async (call, work) => {
    const answer = await work();
    if (!isWrite(call) || writes.count++ !== index) return answer;
    throw error;
  },
};

const ALL = process.env['CRASH'] === 'all';
const FAULTS = ALL ? [FULL, OUTCOME_UNKNOWN] : [FULL];
const FAILED = CASES.filter(({ scope, sameStoreCalls }) => scope !== 'everything' && (ALL || sameStoreCalls !== true));

describe('a store that fails in the middle of a request', () => {
  let harness: CrashHarness;
  before(async () => (harness = await CrashHarness.start({ mode: 'yugabytedb', wholeTime: false })));
  after(() => harness.stop());

  for (const crashCase of FAILED) {
    it(crashCase.title, { timeout: 600_000 }, async (test) => {
      const writes = await writesOf(crashCase);
      for (const fault of FAULTS) {
        for (const [index, write] of writes.entries()) {
          await failAndGoOn(crashCase, fault, index).catch((error: unknown) => {
            throw new Error(`${fault.message} at ${write.sql}`, { cause: error });
          });
        }
      }
      test.diagnostic(`${crashCase.title}: failed at ${writes.length} writes`);
      assert.ok(writes.length > 0);
    });
  }

  async function writesOf(crashCase: CrashCase): Promise<StoreCall[]> {
    return observed(
      crashCase,
      (_, work) => work(),
      async (request, _, store) => {
        await request();
        return store.calls.filter(isWrite);
      },
    );
  }

  async function failAndGoOn(crashCase: CrashCase, fault: StoreFault, index: number): Promise<void> {
    const writes = { count: 0 };
    const intervene = fault.at(index, writes, new CofferError('unavailable', fault.message));
    await observed(crashCase, intervene, async (request, server, _, names) => {
      await assert.rejects(request(), (error: unknown) => {
        const { code, message } = CofferError.from(error);
        assert.ok(fault.codes.includes(code), code);
        assert.ok(message.includes(fault.message), message);
        return true;
      });
      assert.ok(writes.count > index, 'the write was reached');
      await passTime(server);
      await settle(server);
      await checkInvariant(server, harness.database, names);
    });
  }

  async function observed<T>(
    crashCase: CrashCase,
    intervene: Intervention,
    work: (
      request: () => Promise<unknown>,
      server: CrashServer,
      store: ObservedStore,
      names: Parameters<typeof checkInvariant>[2],
    ) => Promise<T>,
  ): Promise<T> {
    await using prepared = await harness.prepare(crashCase);
    const background = await harness.backgroundCalls();
    const stores: ObservedStore[] = [];
    await using server = await openServer(prepared.store, (inner) => {
      const store = new ObservedStore(inner, { intervene, background });
      stores.push(store);
      return store;
    });
    const [store] = stores;
    assert.ok(store);
    const request = (): Promise<unknown> => store.observe('request', () => server.request(prepared.request));
    return await work(request, server, store, prepared.names);
  }
});

/** How long a creation may take, in milliseconds. */
const CREATION_MS = 120_000;

/** The claims of a worker that could not give them back have run out, and with them the time of what it had begun. */
async function passTime({ store }: CrashServer): Promise<void> {
  await store.transaction([
    {
      sql: `UPDATE leases SET claimed_until = 0, next_attempt = CASE state WHEN 'active' THEN next_attempt ELSE 0 END,
              issue_time = CASE state WHEN 'active' THEN issue_time ELSE issue_time - $1 END
            WHERE claimed_until > 0`,
      params: [CREATION_MS],
    },
    { sql: 'UPDATE intents SET claimed_until = 0 WHERE claimed_until > 0' },
  ]);
}
