/**
 * The node that is stopped: opens the store that the others have, does one request, and prints what came of it. At one call of the
 * store it stops itself with SIGSTOP, if it has been told to; statements of the target are held by the proxy in between. Run with a
 * {@link ZombiePlan} as its argument.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CofferError } from '@coffer/base';
import { openPostgresStore } from '@coffer/store';
import { isWrite, ObservedStore } from '../crash/observed-store.ts';
import { type CrashRequest, openServerOn } from '../crash/server.ts';

export interface ZombiePlan {
  readonly url: string;
  readonly request: CrashRequest;
  /** Which write of the request, from 1; or the first call of the background that matches and finds a row. */
  readonly stop?: { readonly write: number | string; readonly moment: 'before' | 'after' };
}

/** `ok`, or the code of the error. */
export interface ZombieReport {
  readonly outcome: string;
  readonly message?: string;
}

function stop(): void {
  process.kill(process.pid, 'SIGSTOP');
}

async function main({ url, request, stop: at }: ZombiePlan): Promise<void> {
  let writes = 0;
  let isDone = false;
  const inBackground = typeof at?.write === 'string';
  const store = new ObservedStore(await openPostgresStore({ connectionUrl: url }), {
    intervene: async (call, work) => {
      if (at === undefined || isDone || !isWrite(call)) return work();
      const isIt = inBackground ? call.sql.startsWith(String(at.write)) : ++writes === at.write;
      if (!isIt) return work();
      if (at.moment === 'before') {
        isDone = true;
        stop();
        return work();
      }
      const result = await work();
      const { changes } = result as { readonly changes?: number };
      if (inBackground && changes === 0) return result;
      isDone = true;
      stop();
      return result;
    },
  });
  await using server = await openServerOn(store);
  const report = await store.observe(inBackground ? 'everything' : 'request', async (): Promise<ZombieReport> => {
    try {
      await server.request(request);
      const giveUp = Date.now() + 3_000;
      while (inBackground && !isDone && Date.now() < giveUp) await sleep(50);
      return { outcome: 'ok' };
    } catch (error) {
      const { code, message } = CofferError.from(error);
      return { outcome: code, message };
    }
  });
  console.log(JSON.stringify(report));
}

main(JSON.parse(process.argv[2] ?? '{}') as ZombiePlan).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
