import { kindOf, type Value } from './printf.ts';
import type { TemplateFunction } from './template-function.ts';

/**
 * Go's own comparisons and truth functions (golang/go:src/text/template/funcs.go). `and` and `or` are evaluated where
 * the arguments are, since they may not need all of them.
 */
export const COMPARISONS: Readonly<Record<string, TemplateFunction>> = {
  and: {
    parameters: ['value', '…'],
    description: 'The first value that is empty or zero, otherwise the last.',
    call: lastOf,
  },
  or: {
    parameters: ['value', '…'],
    description: 'The first value that is not empty or zero, otherwise the last.',
    call: lastOf,
  },
  not: {
    parameters: ['value'],
    description: 'Whether the value is empty or zero.',
    call: ({ all: [value] }) => !value,
  },
  eq: {
    parameters: ['value', 'value', '…'],
    description: 'Whether the first value equals one of the others.',
    call: ({ all: [first, ...others] }) => others.some((other) => compare(first, other) === 0),
  },
  ne: comparison('Whether the values differ.', (order) => order !== 0),
  lt: comparison('Whether the first value is less than the second.', (order) => order < 0, true),
  le: comparison('Whether the first value is less than or equal to the second.', (order) => order <= 0, true),
  gt: comparison('Whether the first value is greater than the second.', (order) => order > 0, true),
  ge: comparison('Whether the first value is greater than or equal to the second.', (order) => order >= 0, true),
};

function lastOf({ all }: { readonly all: readonly Value[] }): Value {
  return all.at(-1) ?? '';
}

function comparison(description: string, holds: (order: number) => boolean, ordered = false): TemplateFunction {
  return {
    parameters: ['value', 'value'],
    description,
    call: ({ all: [first, second] }) => {
      if (ordered && typeof first === 'boolean') throw new Error('a boolean is neither less nor greater than another');
      return holds(compare(first, second));
    },
  };
}

/** Texts by their bytes, as Go. */
function compare(first: Value | undefined, second: Value | undefined): number {
  if (typeof first !== typeof second) throw new Error(`a ${kindOf(first)} cannot be compared with a ${kindOf(second)}`);
  if (typeof first === 'string' && typeof second === 'string')
    return Buffer.compare(Buffer.from(first), Buffer.from(second));
  if (typeof first === 'bigint' && typeof second === 'bigint') return first < second ? -1 : Number(first > second);
  return Number(first) - Number(second);
}
