/** Coffer from `dist/`, with a configuration file, a durable store and the plugin that is part of it. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { startPostgres, type TestPostgres } from '@coffer/testkit';
import { DurableHome, type DurableServer } from '../../../tests/durable-process.ts';
import { KEY_ID } from '../lease-server.ts';
import { FILE, type Host, POSTGRES, type Running } from './host.ts';
import { DURABLE } from './target.ts';

const STORE = { user: 'coffer', password: 'coffer', database: 'coffer' };
/** At the log level of production. */
const ARGS = ['-log-level=warn'];

/** `program`: another one in place of `dist/coffer`. */
export async function cofferOnFile(program?: readonly [string, ...string[]]): Promise<Host> {
  const home = await DurableHome.make();
  await mkdir(home.path('data'));
  const key = await configure(home, home.fileStorage);
  return {
    name: FILE,
    start: async () => running(await home.start(ARGS, program)),
    file: { home, key },
    remove: () => home.remove(),
  };
}

export async function cofferOnPostgres(): Promise<Host> {
  const store = await startPostgres({ authMethod: 'md5', settings: DURABLE });
  const home = await DurableHome.make();
  await makeStore(store);
  const url = `postgres://${STORE.user}:${STORE.password}@127.0.0.1:${store.port}/${STORE.database}?sslmode=disable`;
  await configure(home, `storage "yugabytedb" { connection_url = ${JSON.stringify(url)} }`);
  return {
    name: POSTGRES,
    start: async () => running(await home.start(ARGS)),
    storePid: store.pid,
    remove: async () => {
      await home.remove();
      await store.stop();
    },
  };
}

async function makeStore(database: TestPostgres): Promise<void> {
  await database.query(`CREATE ROLE ${STORE.user} LOGIN PASSWORD '${STORE.password}'`);
  await database.query(`CREATE DATABASE ${STORE.database} OWNER ${STORE.user}`);
}

async function configure(home: DurableHome, storage: string): Promise<Uint8Array> {
  const key = randomBytes(32);
  await writeFile(home.path('unseal.key'), key, { mode: 0o600 });
  const current = `current_key = ${JSON.stringify(`file://${home.path('unseal.key')}`)}`;
  await home.configure(`${storage}\nseal "static" {\n  current_key_id = "${KEY_ID}"\n  ${current}\n}`);
  return key;
}

function running(server: DurableServer): Running {
  return {
    pid: server.child.pid ?? 0,
    address: server.address,
    stop: async () => void (await server.stop('SIGTERM')),
  };
}
