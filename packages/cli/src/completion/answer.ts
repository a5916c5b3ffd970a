import { setTimeout as pause } from 'node:timers/promises';
import { CofferError } from '@coffer/base';
import { configuredTokenHelper } from '../cli-config.ts';
import type { CliIo, CommandNode } from '../command.ts';
import { connect } from '../connection.ts';
import { parseFlags } from '../flags.ts';
import { flagsOf } from '../flags.ts';
import { HTTP_FLAGS } from '../global-flags.ts';
import type { Ui } from '../ui.ts';
import { completionOf } from './complete.ts';
import type { TypedLine } from './line.ts';
import { type Ask, namesOf } from './names.ts';

/** How long a key press may wait for the server, in milliseconds. */
const PATIENCE_MS = 1000;
/** What a server may answer with, in bytes, and how many names are offered of it. */
const LONGEST_ANSWER = 4 * 1024 * 1024;
const MOST_NAMES = 1000;
/** Names that a shell takes as they are. It inserts them unquoted: others could make it run something. */
const PLAIN_WORD = /^[\p{L}\p{N}_@%+=:,./-]+$/u;

/**
 * Prints what may stand at the cursor, a line each: nothing where it is not known, the server says no, or it takes too long.
 *
 * @param replaced what the shell will put one of the lines in the place of: for bash a word begins behind `=` and `:`. Default: the
 *   whole word.
 */
export async function answerCompletion(
  line: TypedLine,
  commands: readonly CommandNode[],
  { io, ui }: { readonly io: CliIo; readonly ui: Ui },
  replaced: string = line.last,
): Promise<void> {
  const { candidates, prefix, before } = completionOf(line, commands);
  const names = await bounded(namesOf(candidates, prefix, asker(io)));
  const matching = names.filter((name) => name.startsWith(prefix) && PLAIN_WORD.test(name));
  const start = line.last.endsWith(replaced) ? line.last.length - replaced.length : 0;
  for (const name of [...new Set(matching)].sort().slice(0, MOST_NAMES)) ui.output(`${before}${name}`.slice(start));
}

/** Clients with what is left of the time. The environment says which server and which token: flags are not final yet. */
function asker({ env }: CliIo): Ask {
  const deadline = Date.now() + PATIENCE_MS;
  return async () => {
    // A program that keeps the token may ask somebody for it, and go on after the key press.
    const keptByProgram = !env['VAULT_TOKEN'] && (await configuredTokenHelper(env)) !== undefined;
    if (keptByProgram) throw new CofferError('failed', 'nothing is asked without VAULT_TOKEN');
    const http = flagsOf(HTTP_FLAGS, parseFlags(HTTP_FLAGS, [], env).flags);
    const client = await connect(http, { ...env, VAULT_MAX_RETRIES: '0' });
    const timeoutMs = Math.max(1, deadline - Date.now());
    return client.with({ timeoutMs, maxResponseBytes: LONGEST_ANSWER, wrapTtl: undefined });
  };
}

async function bounded(names: Promise<readonly string[]>): Promise<readonly string[]> {
  const ended = new AbortController();
  const tooLate = pause(PATIENCE_MS, [], { signal: ended.signal });
  try {
    return await Promise.race([names, tooLate]);
  } catch {
    // Whoever presses a key did not ask for an error.
    return [];
  } finally {
    ended.abort();
    tooLate.catch(() => undefined);
  }
}
