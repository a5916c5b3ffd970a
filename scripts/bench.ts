/** `npm run bench -- NAME`: measures on this machine, prints medians and ratios. */
import { benchAudit } from './bench/audit.ts';
import { benchHostile } from './bench/hostile.ts';
import { benchLeases } from './bench/leases.ts';
import { benchLimping } from './bench/limping.ts';
import { benchMetrics } from './bench/metrics.ts';
import { benchNodes } from './bench/nodes.ts';
import { benchPlugin } from './bench/plugin.ts';
import { benchRows } from './bench/rows.ts';
import { benchGrowth } from './bench/server/growth.ts';
import { benchMemory } from './bench/server/memory.ts';
import { benchProfile } from './bench/server/profile.ts';
import { benchServer } from './bench/server/bench.ts';
import { benchSnapshot } from './bench/snapshot.ts';
import { benchStart } from './bench/start.ts';

const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  audit: benchAudit,
  hostile: benchHostile,
  growth: benchGrowth,
  leases: benchLeases,
  limping: benchLimping,
  memory: benchMemory,
  metrics: benchMetrics,
  nodes: benchNodes,
  plugin: benchPlugin,
  profile: benchProfile,
  rows: benchRows,
  server: benchServer,
  snapshot: benchSnapshot,
  start: benchStart,
};

const [name = ''] = process.argv.slice(2);
const bench = BENCHES[name];
if (bench === undefined) {
  console.error(`usage: npm run bench -- ${Object.keys(BENCHES).join(' | ')}`);
  process.exit(1);
}
await bench();
