/** OpenBao with the Go plugin, where BENCH_OPENBAO and BENCH_GO_PLUGIN name them: raft in a directory, and a static key. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createClient } from '@coffer/client';
import { eventually, freePort } from '@coffer/testkit';
import { cleanEnvironment } from '../../../tests/coffer-process.ts';
import { type Host, PEER, type Running } from './host.ts';

export async function startOpenBao(): Promise<Host | undefined> {
  const { BENCH_OPENBAO: binary = '', BENCH_GO_PLUGIN: plugin = '' } = process.env;
  if (binary === '' || plugin === '') {
    console.log(
      'BENCH_OPENBAO and BENCH_GO_PLUGIN name no OpenBao and no Go plugin: there is nothing to compare with.',
    );
    return undefined;
  }
  const directory = await mkdtemp(join(tmpdir(), 'coffer-bench-bao-'));
  const [port, clusterPort] = [await freePort(), await freePort()];
  const address = `http://127.0.0.1:${port}`;
  await mkdir(join(directory, 'raft'));
  await mkdir(join(directory, 'plugins'));
  const pluginFile = join(directory, 'plugins', 'ysql-plugin');
  await copyFile(resolve(plugin), pluginFile);
  await chmod(pluginFile, 0o755);
  await writeFile(join(directory, 'unseal.key'), randomBytes(32), { mode: 0o600 });
  const config = join(directory, 'bao.hcl');
  await writeFile(
    config,
    `storage "raft" {
  path = "${join(directory, 'raft')}"
  node_id = "bench"
}
listener "tcp" {
  address = "127.0.0.1:${port}"
  cluster_address = "127.0.0.1:${clusterPort}"
  tls_disable = true
}
seal "static" {
  current_key_id = "bench"
  current_key = "file://${join(directory, 'unseal.key')}"
}
api_addr = "${address}"
cluster_addr = "http://127.0.0.1:${clusterPort}"
plugin_directory = "${join(directory, 'plugins')}"
log_level = "warn"
`,
  );
  return {
    name: PEER,
    pluginFile,
    start: () => run(resolve(binary), config, address),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

async function run(binary: string, config: string, address: string): Promise<Running> {
  const child = spawn(binary, ['server', `-config=${config}`], {
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000)));
  const end = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await end;
  };
  const client = createClient({ address });
  try {
    await eventually(
      async () => {
        if (child.exitCode !== null) throw new Error(`OpenBao ended:\n${output}`);
        const { body } = await client.request('GET', 'sys/seal-status').catch(() => ({ body: null }));
        const { initialized, sealed } = (body ?? {}) as { initialized?: boolean; sealed?: boolean };
        return initialized === false || sealed === false;
      },
      () => output,
      { everyMs: 5 },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid ?? 0, address, stop };
}
