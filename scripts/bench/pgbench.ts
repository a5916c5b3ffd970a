/** What the database itself can do: the same SQL by `pgbench`, nothing in between. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestPostgres } from '@coffer/testkit';

/** Transactions in all, or for how many whole seconds. */
export type Load = { readonly clients: number } & ({ readonly count: number } | { readonly seconds: number });

/**
 * Transactions a second; undefined when there is no pgbench on PATH, or when transactions failed, as GRANTs of several
 * clients do ("tuple concurrently updated"). `{{name}}` becomes a new name each time.
 */
export async function pgbenchRate(
  database: TestPostgres,
  statements: readonly string[],
  load: Load,
): Promise<number | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'coffer-bench-'));
  const script = join(directory, 'script.sql');
  const sql = statements
    .map((statement) => `${statement.replaceAll('{{name}}', 'limit-:client_id-:nonce')};\n`)
    .join('');
  await writeFile(script, `\\set nonce random(1, 1000000000000000)\n${sql}`);
  const { clients } = load;
  const end =
    'count' in load ? `--transactions=${Math.ceil(load.count / clients)}` : `--time=${Math.ceil(load.seconds)}`;
  const args = ['--no-vacuum', '--protocol=simple', `--file=${script}`, `--client=${clients}`, '--jobs=1', end];
  const target = ['-h', database.host, '-p', String(database.port), '-U', database.user, database.database];
  try {
    const { stdout } = await promisify(execFile)('pgbench', [...args, ...target], {
      env: { ...process.env, PGPASSWORD: database.password },
    });
    const rate = Number(/tps = ([\d.]+) \(without initial/.exec(stdout)?.[1]);
    const failed = Number(/number of failed transactions: (\d+)/.exec(stdout)?.[1] ?? 0);
    return Number.isNaN(rate) || failed > 0 ? undefined : rate;
  } catch {
    return undefined;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
