/** What one kind of work came to at one server. */
import { median } from '../measurement.ts';
import type { Answered } from './load.ts';
import { childrenOf, cpuMs, familyCpuMs } from './processes.ts';
import type { Subject } from './subjects.ts';
import type { Target } from './target.ts';

export interface Cell {
  /** A second. */
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
  readonly samples: readonly string[];
  /** Processor time a request, in milliseconds, of each process. */
  readonly cpu: Cpu;
}
export interface Cpu {
  readonly server: number;
  /** Zero where the plugin is part of the server. */
  readonly plugin: number;
  /** Of the target and, where the store is one, of the store. */
  readonly postgres: number;
}

/** Does the work and counts what the processes used meanwhile. */
export async function measured(
  subject: Subject,
  target: Target,
  work: () => Promise<Pick<Answered, 'answered' | 'seconds' | 'errors'> & Partial<Answered>>,
): Promise<Cell> {
  const before = cpuOf(subject, target);
  const { answered, seconds, errors, p50 = Number.NaN, p99 = Number.NaN } = await work();
  const after = cpuOf(subject, target);
  const each = (of: keyof Cpu): number => (after[of] - before[of]) / Math.max(1, answered);
  return {
    rate: answered / seconds,
    ...{ p50, p99 },
    errors: Object.values(errors).reduce((sum, { count }) => sum + count, 0),
    samples: Object.entries(errors).map(([what, { count, sample }]) => `${count} × ${what}: ${sample}`),
    cpu: { server: each('server'), plugin: each('plugin'), postgres: each('postgres') },
  };
}

function cpuOf(subject: Subject, { database }: Target): Cpu {
  const { storePid } = subject.host;
  return {
    server: cpuMs([subject.pid]),
    plugin: cpuMs(childrenOf(subject.pid)),
    postgres: familyCpuMs(database.pid) + (storePid === undefined ? 0 : familyCpuMs(storePid)),
  };
}

/** The median of each figure; errors are all that there were. */
export function medianCell(cells: readonly Cell[]): Cell {
  const of = (figure: (cell: Cell) => number): number => median(cells.map(figure));
  return {
    rate: of(({ rate }) => rate),
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    errors: cells.reduce((sum, { errors }) => sum + errors, 0),
    samples: cells.flatMap(({ samples }) => samples),
    cpu: {
      server: of(({ cpu }) => cpu.server),
      plugin: of(({ cpu }) => cpu.plugin),
      postgres: of(({ cpu }) => cpu.postgres),
    },
  };
}
