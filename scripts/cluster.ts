/**
 * `npm run test:cluster`: three servers on one store, killed, stopped and cut off while clients work, for CLUSTER_SECONDS
 * (60). CLUSTER_SEED repeats what was drawn; tests/cluster/options.ts has the other variables.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { optionsFrom } from '../tests/cluster/options.ts';
import { runCluster } from '../tests/cluster/run.ts';
import { summary } from '../tests/cluster/summary.ts';

const SHOWN = 20;

const root = resolve(import.meta.dirname, '..');
if (!existsSync(join(root, 'dist', 'coffer'))) {
  const { status } = spawnSync(process.execPath, [join(root, 'scripts/build.ts')], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
let shown = 0;
const options = optionsFrom(process.env, {
  onViolation: (text) => {
    if (++shown <= SHOWN) console.error(`VIOLATION ${text}`);
    else if (shown === SHOWN + 1) console.error('further violations are only counted');
  },
});
console.log(`CLUSTER_SEED=${options.seed} CLUSTER_SECONDS=${options.seconds}`);
const result = await runCluster(options);
console.log(summary(options, result));
if (result.findings.violations.length > 0) {
  console.error(`logs of the nodes: ${result.logs}`);
  process.exitCode = 1;
}
