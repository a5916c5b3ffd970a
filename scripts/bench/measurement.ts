/** What every bench shares: the machine's name, medians, and the plugins to compare. */
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';

const DIST = resolve(import.meta.dirname, '..', '..', 'dist');

export interface PluginFile {
  readonly name: string;
  readonly file: string;
}

/** Without it the numbers mean nothing. */
export function machine(): string {
  const models = [...new Set(cpus().map(({ model }) => model.trim()))].join(', ');
  return `${cpus().length} cores (${models}), ${process.platform}-${process.arch}, Node.js ${process.version}`;
}

/** The middle value; of an even number of values the upper one of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Our plugin in both forms, and the Go plugin that `BENCH_GO_PLUGIN` names. Says what is missing. */
export function pluginFiles(): { ours: readonly PluginFile[]; go: PluginFile | undefined } {
  const ours = [
    { name: 'script', file: join(DIST, 'ysql-plugin.cjs') },
    { name: 'executable', file: join(DIST, 'ysql-plugin') },
  ];
  for (const { file } of ours) {
    if (!existsSync(file)) throw new Error(`${file} is missing: run "npm run build" first`);
  }
  const go = process.env['BENCH_GO_PLUGIN'] ?? '';
  if (go !== '') return { ours, go: { name: 'Go plugin', file: resolve(go) } };
  console.log('BENCH_GO_PLUGIN names no Go plugin: there is nothing to compare with.');
  return { ours, go: undefined };
}
