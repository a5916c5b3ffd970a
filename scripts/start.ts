/**
 * `npm start`: the documentation page's flow from nothing to the first credential, then serves until Ctrl-C.
 * `npm start -- --once` goes on to look up, renew and revoke the lease, proves by logging in that the credential worked
 * before and fails after, and exits 0. `npm start -- --database-only` starts the database for docs/getting-started.md.
 */
import { errorText } from '@coffer/base';
import { databaseOnly, embeddedDatabase, externalDatabase } from './demo/demo-database.ts';
import { ensureBuilt } from './demo/ensure-built.ts';
import { startDemoServer } from './demo/demo-server.ts';
import { readOptions, type StartOptions, USAGE } from './demo/options.ts';
import { firstCredential, nextCommands, proveLifecycle } from './demo/seed-flow.ts';

/** What must be ended, last opened first. */
const closers: (() => Promise<void>)[] = [];
let stopping = false;

async function closeAll(): Promise<void> {
  stopping = true;
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
}

async function run(options: StartOptions, signal: Promise<string>): Promise<void> {
  const { help, once, databaseOnly: isDatabaseOnly } = options;
  if (help) {
    console.log(USAGE);
    return;
  }
  if (isDatabaseOnly) {
    const database = await databaseOnly();
    closers.push(() => database.close());
    console.log(database.text);
    await Promise.race([signal, database.ended]);
    return;
  }
  // What is wrong with it is told before anything that takes long.
  const given = await externalDatabase(process.env);
  await ensureBuilt();
  const database = given ?? (await embeddedDatabase());
  closers.push(() => database.close());
  const server = await startDemoServer();
  closers.push(() => server.close());
  const credential = await firstCredential(server, database);
  if (once) {
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

// Meant for other servers: a VAULT_NAMESPACE, a proxy of Vault's or PGOPTIONS would get in the way of ours.
for (const name of Object.keys(process.env))
  if (/^(VAULT_|BAO_|PG[A-Z]+$)/.test(name)) Reflect.deleteProperty(process.env, name);

let farewell = '';
try {
  const options = readOptions(process.argv.slice(2), process.env);
  if (!options.once)
    farewell = options.databaseOnly ? 'Stopping the database' : 'Revoking the leases, stopping what was started';
  await Promise.race([run(options, signal), signal]);
} catch (error) {
  if (!stopping) {
    console.error(`\n${errorText(error)}`);
    process.exitCode = 1;
  }
} finally {
  if (closers.length > 0 && farewell !== '') console.log(`\n${farewell} ...`);
  await closeAll();
}
process.exit();
