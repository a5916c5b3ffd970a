/**
 * The process that is killed: opens a store, does one request and prints what it asked of the store, unless it has been
 * told at which of these calls to end. Run with a {@link ChildPlan} as its argument.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isWrite, ObservedStore, type Intervention, type Scope, type StoreCall } from './observed-store.ts';
import { type CrashRequest, openServer } from './server.ts';

/** `before`: the store has not got it. `during`: it has, and may have kept it. `after`: it has kept it, nobody knows. */
export type StoreMoment = 'before' | 'during' | 'after';

export interface ChildPlan {
  readonly store: string;
  readonly request: CrashRequest;
  readonly scope: Scope;
  /** See {@link ObservedStore}. */
  readonly background: readonly string[];
  /** Where to end; none in a rehearsal. */
  readonly kill?: { readonly call: StoreCall; readonly moment: StoreMoment };
}

/** What a child that was not killed prints, as JSON. */
export interface ChildReport {
  readonly calls: readonly StoreCall[];
}

const QUIET_MS = 60;
const DURING_MS = 1;

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

function killing(kill: ChildPlan['kill']): Intervention {
  return async (call, work) => {
    if (kill === undefined || call.sql !== kill.call.sql || call.occurrence !== kill.call.occurrence) return work();
    if (kill.moment === 'before') die();
    const working = work();
    if (kill.moment === 'during') {
      setTimeout(die, DURING_MS);
      return new Promise(() => undefined);
    }
    await working;
    die();
    return working;
  };
}

async function main(plan: ChildPlan): Promise<void> {
  const intervene = killing(plan.kill);
  let observed: ObservedStore | undefined;
  await using server = await openServer(
    plan.store,
    (inner) => (observed = new ObservedStore(inner, { intervene, background: plan.background })),
  );
  const store = observed;
  if (store === undefined) throw new Error('the store was not observed');
  // The background loops look around once first.
  while (store.quiet < QUIET_MS) await sleep(QUIET_MS / 4);
  await store.observe(plan.scope, async () => {
    await server.request(plan.request);
    if (plan.scope === 'everything') while ((await leaseCount(server)) > 0) await sleep(20);
  });
  const report: ChildReport = { calls: store.calls.filter((call) => plan.scope === 'request' || isFirstStep(call)) };
  console.log(JSON.stringify(report));
}

/** How often the background looks differs from run to run. */
function isFirstStep(call: StoreCall): boolean {
  return call.occurrence === 1 && isWrite(call);
}

async function leaseCount(server: Awaited<ReturnType<typeof openServer>>): Promise<number> {
  const answer = await server.request({ operation: 'read', path: 'sys/leases/count' });
  return Number(answer?.data?.['lease_count']);
}

main(JSON.parse(process.argv[2] ?? '{}') as ChildPlan).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
