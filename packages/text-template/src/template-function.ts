import type { Value } from './printf.ts';

/** The arguments of one call. The getters check the kind; what they and the functions throw is meant for the user. */
export interface Arguments {
  /** Unix time in milliseconds: the same for the whole rendering. */
  readonly now: number;
  readonly all: readonly Value[];
  string(index: number): string;
  /** Rounded beyond 2^53, which affects no function. */
  number(index: number): number;
}

export interface TemplateFunction {
  /** What the arguments are, in order; the value before a pipe comes last. `…` takes any number more. */
  readonly parameters: readonly string[];
  /** For the documentation. */
  readonly description: string;
  /** What it gives is drawn at random. */
  readonly drawn?: boolean;
  call(args: Arguments): Value;
}
