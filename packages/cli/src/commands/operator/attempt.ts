import type { JsonObject } from '@coffer/base';
import { usageFailure } from '../../failure.ts';
import type { FlagDefinitions } from '../../flags.ts';
import { goValue } from '../../output/go-value.ts';

/** The flags of what the holders of key shares do together. */
export const ATTEMPT_FLAGS = {
  init: { type: 'boolean', usage: 'Start.' },
  cancel: { type: 'boolean', usage: 'Cancel the operation, and discard the shares entered so far.' },
  status: { type: 'boolean', usage: 'Show the progress.' },
  nonce: { type: 'string', usage: 'The nonce that -init printed. Required when KEY is given.' },
} as const satisfies FlagDefinitions;

/**
 * Whoever is asked for the share sees the nonce first; a script must say which attempt its share is for.
 * @throws CommandFailure (exit code 1) when the share was given as an argument
 */
export function nonceWithoutFlag(argument: string | undefined, status: JsonObject): string {
  if (argument !== undefined) throw usageFailure('Missing nonce value: specify it via the -nonce flag');
  return goValue(status['nonce'] ?? '');
}
