/**
 * Writes recorded-openbao.json anew: BENCH_OPENBAO=bao BENCH_GO_PLUGIN=ysql-plugin node tests/migrate/record.ts. The answers are as they
 * came but for what is different in each run, and for the static role's password.
 */
import { writeFile } from 'node:fs/promises';
import { startPostgres } from '@coffer/testkit';
import { runCli } from '../../packages/cli/src/cli-fixture.ts';
import { startTestServer } from '../dev-server.ts';
import { startRecorder } from '../golden/recorder.ts';
import { placeholders, RECORDED_PASSWORD, type Recording, RECORDING } from './recorded-source.ts';
import { REPORTING, seed, SOURCE_TOKEN, startOpenBao } from './running-openbao.ts';

const { BENCH_OPENBAO: binary = '', BENCH_GO_PLUGIN: plugin = '' } = process.env;
if (binary === '' || plugin === '')
  throw new Error('BENCH_OPENBAO and BENCH_GO_PLUGIN must name an OpenBao and the Go plugin');

const database = await startPostgres();
const target = await startTestServer();
const source = await startOpenBao(binary, plugin);
try {
  await database.query(`CREATE ROLE ${REPORTING} LOGIN`);
  await seed(source.client, database);
  const recorder = await startRecorder(source.address);
  const env = { VAULT_ADDR: target.address, VAULT_TOKEN: 'root', VAULT_FROM_TOKEN: SOURCE_TOKEN };
  const { exitCode, stdout, stderr } = await runCli(['migrate', 'vault', `-from=${recorder.address}`, '-dry-run'], {
    env,
  });
  if (exitCode !== 0) throw new Error(stderr);
  console.log(stdout);
  const exchanges = recorder.take().map(({ method, path, status, responseBody }) => {
    return [`${method} ${path}`, { status, body: responseBody }] as const;
  });
  await recorder.close();
  const password = (await source.client.read('database/static-creds/reporting'))?.data?.['password'];
  let text = JSON.stringify(Object.fromEntries(exchanges) satisfies Recording);
  for (const [real, placeholder] of placeholders(database)) text = text.replaceAll(real, placeholder);
  text = text.replaceAll(password as string, RECORDED_PASSWORD);
  await writeFile(RECORDING, `${JSON.stringify(JSON.parse(text), null, 2)}\n`);
} finally {
  await source.stop();
  await target.close();
  await database.stop();
}
