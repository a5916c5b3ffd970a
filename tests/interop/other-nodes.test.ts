/**
 * `dist/ysql-plugin.cjs` under other Node.js than our own, in HashiCorp's host code: one that is linked with musl, as in Alpine
 * and so in Vault's image, and the lowest that docs/plugin.md names. Both are named by the environment, since npm has neither
 * for the machine that the tests run on: `MUSL_NODE` and `LOWEST_NODE` are paths of a `node`.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { databaseCases } from './database-cases.ts';
import { buildGoPrograms } from './go-programs.ts';
import { type Cluster, PluginUnderTest, startCluster } from './plugin-under-test.ts';
import { processCases } from './process-cases.ts';

/** Fields of `process.report`: a Node.js that is linked with musl has no version of glibc to report. */
interface Runtime {
  readonly version: string;
  readonly glibc: string | null;
}

const NODES = [
  { variable: 'MUSL_NODE', what: 'a Node.js linked with musl', fits: ({ glibc }: Runtime) => glibc === null },
  {
    variable: 'LOWEST_NODE',
    what: 'Node.js 22.0.0, the lowest of docs/plugin.md',
    fits: ({ version }: Runtime) => version === 'v22.0.0',
  },
];

function runtimeOf(node: string): Runtime {
  const script = `JSON.stringify({ version: process.version, glibc: process.report.getReport().header.glibcVersionRuntime ?? null })`;
  return JSON.parse(execFileSync(node, ['-p', script], { encoding: 'utf8' })) as Runtime;
}

const programs = buildGoPrograms();
for (const { variable, what, fits } of NODES) {
  const node = process.env[variable] ?? '';
  if (node === '' || 'missing' in programs) {
    const why = 'missing' in programs ? programs.missing : `${variable} names no node here`;
    it(`ysql-plugin.cjs under ${what}`, { skip: why });
    continue;
  }
  describe(`ysql-plugin.cjs under ${what}`, () => {
    const bin = join(programs.directory, variable);
    let cluster: Cluster;
    let ysql: PluginUnderTest;
    const start = (): Promise<PluginUnderTest> => PluginUnderTest.start('ysql-plugin.cjs', programs, cluster, bin);
    before(async () => {
      assert.ok(existsSync(node), `${variable}: there is no ${node}`);
      assert.ok(fits(runtimeOf(node)), `${variable}: ${node} is not ${what}`);
      mkdirSync(bin);
      symlinkSync(node, join(bin, 'node'));
      cluster = await startCluster();
      ysql = await start();
    });
    after(async () => {
      await ysql.host.stop();
      await cluster.stop();
    });

    describe('protocol 6', () => databaseCases(() => ysql, 'ysql', 6));
    describe('its process', () => processCases(() => ysql, start));
  });
}
