import type fc from 'fast-check';

const EVERY_RUN = 20_261_128;

/**
 * How many random inputs a property is tried with: few and the same ones in every run, so that what fails is the change that
 * was made; others and more with FUZZ_RUNS (`FUZZ_RUNS=100000 npm test -- tests/fuzz`). FUZZ_SEED repeats a run whose failure
 * named its seed.
 */
export function fuzz<T>(fewRuns: number): fc.Parameters<T> {
  const { FUZZ_RUNS, FUZZ_SEED } = process.env;
  if (FUZZ_RUNS === undefined) return { numRuns: fewRuns, seed: Number(FUZZ_SEED ?? EVERY_RUN) };
  return { numRuns: Number(FUZZ_RUNS), ...(FUZZ_SEED !== undefined && { seed: Number(FUZZ_SEED) }) };
}
