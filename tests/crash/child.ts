/**
 * The process that is cut off: opens a store, does one request and prints what it asked of the store and what came of it,
 * unless it has been told at which of these calls to end, or to stand still. Run with a {@link ChildPlan} as its argument.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CofferError } from '@coffer/base';
import { openEmbeddedStore, openPostgresStore } from '@coffer/store';
import { isWrite, ObservedStore, type Intervention, type Scope, type StoreCall } from './observed-store.ts';
import { type CrashRequest, type CrashServer, openServerOn } from './server.ts';

/** `before`: the store has not got it. `during`: it has, and may have kept it. `after`: it has kept it, nobody knows. */
export type StoreMoment = 'before' | 'during' | 'after';

/** Where the process is cut off. */
export interface Cut {
  /** This one; or which of the writes, from 1. */
  readonly call: StoreCall | { readonly write: number };
  readonly moment: StoreMoment;
  /** What it sends to itself. */
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

export interface ChildPlan {
  /** The file of an embedded store, or the URL of one that others may have open. */
  readonly store: string;
  readonly request: CrashRequest;
  readonly scope: Scope;
  /** See {@link ObservedStore}. */
  readonly background: readonly string[];
  /** None in a rehearsal, and where the test itself cuts it off. */
  readonly cut?: Cut;
}

/** What a child that was not killed prints, as JSON. */
export interface ChildReport {
  readonly calls: readonly StoreCall[];
  /** `ok`, or the code of the error. */
  readonly outcome: string;
  readonly message?: string;
}

const QUIET_MS = 60;
const DURING_MS = 1;
const EACH_MS = 20;

function cutting(cut: Cut | undefined, scope: Scope): Intervention {
  let isDone = cut === undefined;
  let writes = 0;
  return async (call, work) => {
    if (isDone || cut === undefined) return work();
    if (isWrite(call)) writes++;
    if (!isMeant(cut.call, call, { writes, scope })) return work();
    const end = (): void => {
      isDone = true;
      process.kill(process.pid, cut.signal);
    };
    if (cut.moment === 'before') {
      end();
      return work();
    }
    const working = work();
    if (cut.moment === 'during') {
      isDone = true;
      await Promise.all([sleep(DURING_MS).then(end), working]);
      return working;
    }
    const result = await working;
    // Whoever looks around in the background finds nothing at first, or what another one has just taken.
    const { changes } = result as { readonly changes?: number };
    if (scope === 'request' || changes !== 0) end();
    return result;
  };
}

/** How often the background has looked before does not matter. */
function isMeant(meant: Cut['call'], call: StoreCall, { writes, scope }: { writes: number; scope: Scope }): boolean {
  if ('write' in meant) return isWrite(call) && meant.write === writes;
  if (scope === 'everything') return call.sql.startsWith(meant.sql);
  return call.sql === meant.sql && call.occurrence === meant.occurrence;
}

async function main(plan: ChildPlan): Promise<void> {
  const { store: place, request, scope, background, cut } = plan;
  const inner = await (URL.canParse(place)
    ? openPostgresStore({ connectionUrl: place })
    : openEmbeddedStore({ path: place }));
  const store = new ObservedStore(inner, { intervene: cutting(cut, scope), background });
  await using server = await openServerOn(store);
  // The background loops look around once first.
  while (store.quiet < QUIET_MS) await sleep(QUIET_MS / 4);
  const came = await store.observe(scope, async () => {
    try {
      await server.request(request);
      if (scope === 'everything') while (await leaseIsThere(server, request)) await sleep(EACH_MS);
      return { outcome: 'ok' };
    } catch (error) {
      const { code, message } = CofferError.from(error);
      return { outcome: code, message };
    }
  });
  const report: ChildReport = {
    calls: store.calls.filter((call) => scope === 'request' || isFirstStep(call)),
    ...came,
  };
  console.log(JSON.stringify(report));
}

/** How often the background looks differs from run to run. */
function isFirstStep(call: StoreCall): boolean {
  return call.occurrence === 1 && isWrite(call);
}

/** The lease that the request is about. */
async function leaseIsThere({ store }: CrashServer, { data }: CrashRequest): Promise<boolean> {
  const id = data?.['lease_id'] as string;
  return (await store.run('SELECT 1 FROM leases WHERE id = $1', [id])).rows.length > 0;
}

main(JSON.parse(process.argv[2] ?? '{}') as ChildPlan).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
