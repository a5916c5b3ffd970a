/** One run: clients and a nemesis for so many seconds, then what must hold in the end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Balancer } from './balancer.ts';
import { Clients, type WorkKind } from './clients.ts';
import { ClusterUnderTest } from './cluster-under-test.ts';
import { finalChecks, noPasswordShown } from './final-checks.ts';
import { Findings } from './findings.ts';
import { Nemesis, type NemesisOptions } from './nemesis.ts';
import { Random } from './random.ts';
import { Histories } from './work.ts';

export interface RunOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly nodes: number;
  readonly clients: number;
  /** Between two things that a client does, on average. */
  readonly thinkMs: number;
  readonly work: Readonly<Record<WorkKind, number>>;
  readonly nemesis: NemesisOptions;
  readonly logLevel: string;
  /** Waits as long as an unfinished creation takes, in place of putting the clock of its row forward. */
  readonly wholeTime: boolean;
  readonly onViolation?: (text: string) => void;
}

export interface RunResult {
  readonly findings: Findings;
  readonly seconds: number;
  readonly histories: Histories;
  /** The directory with the logs, which stays when something is wrong. */
  readonly logs: string;
}

export async function runCluster(options: RunOptions): Promise<RunResult> {
  const findings = new Findings(options.onViolation);
  const histories = new Histories(findings.report);
  const { report } = findings;
  const cluster = await ClusterUnderTest.start({ nodes: options.nodes, logLevel: options.logLevel, report });
  const balancer = new Balancer(cluster.nodes, cluster.rootToken, findings);
  const random = new Random(options.seed);
  const clients = new Clients({ cluster, balancer, findings, histories }, random);
  const started = performance.now();
  try {
    await clients.prepare();
    const nemesis = new Nemesis(cluster, findings, random.stream(1_000), options.nemesis);
    const stop = new AbortController();
    const harm = nemesis.run(stop.signal);
    const work = clients.run(options.clients, options.work, options.thinkMs, stop.signal);
    await sleep(options.seconds * 1000);
    stop.abort();
    await Promise.all([harm, work]);
    await finalChecks(clients.worker(options.clients + 1), clients, options);
    for (const shown of await noPasswordShown(cluster, clients)) report(shown);
  } catch (error) {
    report(`the run itself failed: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    await balancer.stop();
    await clients.staticRoles.remove({ cluster });
    await cluster.stop({ keepLogs: findings.violations.length > 0 });
  }
  return { findings, seconds: (performance.now() - started) / 1000, histories, logs: cluster.directory };
}
