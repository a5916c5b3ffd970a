/**
 * `npm start`: the documentation page's flow from nothing to the first credential, then serves until Ctrl-C.
 * `npm start -- --once` goes on to look up, renew and revoke the lease, proves by logging in that the credential worked
 * before and fails after, and exits 0.
 */
import { parseArgs } from 'node:util';
import { ensureBuilt } from './demo/ensure-built.ts';
import { openDemoDatabase } from './demo/demo-database.ts';
import { startDemoServer } from './demo/demo-server.ts';
import { firstCredential, proveLifecycle, nextCommands } from './demo/seed-flow.ts';

const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });

/** What must be ended, last opened first. */
const closers: (() => Promise<void>)[] = [];
let stopping = false;

async function closeAll(): Promise<void> {
  stopping = true;
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
}

async function demo(signal: Promise<string>): Promise<void> {
  await ensureBuilt();
  const database = await openDemoDatabase();
  closers.push(() => database.close());
  const server = await startDemoServer();
  closers.push(() => server.close());
  const credential = await firstCredential(server, database);
  if (values.once) {
    await proveLifecycle(server, database, credential);
    return;
  }
  console.log(nextCommands(server, database, credential));
  await Promise.race([signal, server.ended]);
}

/** The first signal begins the end; further ones are ignored while it is under way. */
const signal = new Promise<string>((resolve) => {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => resolve(name));
});

try {
  await Promise.race([demo(signal), signal]);
} catch (error) {
  if (!stopping) {
    console.error(`\n${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
} finally {
  if (closers.length > 0 && !values.once) console.log('\nEnding: revoking the leases, stopping what was started ...');
  await closeAll();
}
process.exit();
