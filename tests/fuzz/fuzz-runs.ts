import type fc from 'fast-check';

/**
 * How many random inputs a property is tried with: few in every run, more with FUZZ_RUNS (`FUZZ_RUNS=100000 npm test --
 * tests/fuzz`). FUZZ_SEED repeats a run whose failure named its seed.
 */
export function fuzz<T>(fewRuns: number): fc.Parameters<T> {
  const { FUZZ_RUNS, FUZZ_SEED } = process.env;
  return {
    numRuns: FUZZ_RUNS === undefined ? fewRuns : Number(FUZZ_RUNS),
    ...(FUZZ_SEED !== undefined && { seed: Number(FUZZ_SEED) }),
  };
}
