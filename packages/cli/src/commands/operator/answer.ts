import type { JsonValue } from '@coffer/base';
import type { Invocation } from '../../command.ts';
import { usageFailure } from '../../failure.ts';
import { goValue, isList } from '../../output/go-value.ts';
import { askHidden, readAll } from '../../stdin.ts';

export function strings(value: JsonValue | undefined): string[] {
  return isList(value) ? value.map(goValue) : [];
}

/** The share that a command takes: its argument, stdin for `-`, or else what is typed without being shown. */
export async function readShare(
  { stdin, ui }: Pick<Invocation, 'stdin' | 'ui'>,
  argument: string | undefined,
  question: string,
): Promise<string> {
  const share = argument === undefined ? await askHidden(stdin, ui, question) : argument;
  const text = (share === '-' ? await readAll(stdin) : share).trim();
  if (text === '') throw usageFailure('The key share is empty.');
  return text;
}
