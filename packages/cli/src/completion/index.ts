/** Completion of command lines, and its place in the files of shells, as Vault has them. */
import type { CliIo, CommandNode } from '../command.ts';
import { usageFailure } from '../failure.ts';
import type { Ui } from '../ui.ts';
import { answerCompletion } from './answer.ts';
import { changeCompletion } from './install.ts';
import { typedLine } from './line.ts';

interface Program {
  readonly name: string;
  readonly command: readonly string[] | undefined;
  readonly io: CliIo;
  readonly ui: Ui;
}

/**
 * Does what a shell asks in its environment, or -autocomplete-install and -autocomplete-uninstall ask. `undefined` when this is a
 * command line like any other.
 *
 * @throws CommandFailure when both flags are given, or no shell has a file
 */
export async function completion(
  argv: readonly string[],
  commands: readonly CommandNode[],
  { name, command, io, ui }: Program,
): Promise<number | undefined> {
  const typed = typedLine(io.env);
  if (typed !== undefined) {
    // bash alone hands over the program's name, the word at the cursor and the one before it.
    await answerCompletion(typed, commands, { io, ui }, argv.length === 3 ? argv[1] : undefined);
    return 0;
  }
  const asked = (flag: string) => argv.some((word) => word === `-${flag}` || word === `--${flag}`);
  // Help comes first (mitchellh/cli:cli.go), and a command's own arguments are its own.
  if (!(argv[0] ?? '').startsWith('-') || argv.some((word) => /^--?h(elp)?$/.test(word))) return undefined;
  const [install, uninstall] = [asked('autocomplete-install'), asked('autocomplete-uninstall')];
  if (!install && !uninstall) return undefined;
  if (install && uninstall) {
    throw usageFailure('Either the autocomplete install or uninstall flag may be specified, but not both.');
  }
  if (command === undefined) throw usageFailure('Cannot determine the command that starts this program.');
  return changeCompletion(install ? 'install' : 'uninstall', { program: name, command, env: io.env, ui });
}
