/** What a run is to do, from the environment. */
import { WORK } from './clients.ts';
import { FAULTS, type NemesisOptions } from './nemesis.ts';
import type { RunOptions } from './run.ts';

export type RunDefaults = Partial<Omit<RunOptions, 'nemesis'>> & { readonly nemesis?: Partial<NemesisOptions> };

/**
 * `CLUSTER_SECONDS`, `CLUSTER_SEED`, `CLUSTER_NODES`, `CLUSTER_CLIENTS`, `CLUSTER_THINK_MS`, `CLUSTER_LOG_LEVEL`; and
 * `CLUSTER_FAULTS` and `CLUSTER_WORK`, lists such as `kill=3,stop=0`, which change how often each is done in proportion. `only` in a
 * list sets all others to 0.
 *
 * @throws RangeError naming the variable
 */
export function optionsFrom(env: NodeJS.ProcessEnv, defaults: RunDefaults = {}): RunOptions {
  const number = (name: string, otherwise: number): number => {
    const given = env[name];
    if (given === undefined || given === '') return otherwise;
    if (!/^\d+$/.test(given)) throw new RangeError(`${name}: ${given} is not a whole number`);
    return Number(given);
  };
  return {
    seconds: number('CLUSTER_SECONDS', defaults.seconds ?? 60),
    seed: number('CLUSTER_SEED', defaults.seed ?? Date.now() % 2 ** 31),
    nodes: number('CLUSTER_NODES', defaults.nodes ?? 3),
    clients: number('CLUSTER_CLIENTS', defaults.clients ?? 16),
    thinkMs: number('CLUSTER_THINK_MS', defaults.thinkMs ?? 50),
    work: rates('CLUSTER_WORK', WORK, env['CLUSTER_WORK']),
    nemesis: {
      rates: rates('CLUSTER_FAULTS', FAULTS, env['CLUSTER_FAULTS']),
      pauseMs: [500, 3_500],
      stopMs: [1_000, 25_000],
      freezeMs: [1_000, 12_000],
      awayMs: [0, 5_000],
      ...defaults.nemesis,
    },
    logLevel: env['CLUSTER_LOG_LEVEL'] ?? defaults.logLevel ?? 'info',
    wholeTime: defaults.wholeTime ?? true,
    ...(defaults.onViolation && { onViolation: defaults.onViolation }),
  };
}

function rates<Name extends string>(
  variable: string,
  usual: Readonly<Record<Name, number>>,
  given = '',
): Readonly<Record<Name, number>> {
  const changed: Record<string, number> = { ...usual };
  for (const item of given.split(',').filter((each) => each !== '')) {
    const [name = '', weight = ''] = item.split('=');
    if (item === 'only') for (const each of Object.keys(usual)) changed[each] = 0;
    else if (name in usual && /^\d+(\.\d+)?$/.test(weight)) changed[name] = Number(weight);
    else throw new RangeError(`${variable}: ${item}; known are ${Object.keys(usual).join(', ')}, as in name=2`);
  }
  return changed as Record<Name, number>;
}
