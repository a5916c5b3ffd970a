import { didYouMean } from '@coffer/base';
import { type CommandNode, isGroup } from './command.ts';
import { MISSING_COMMANDS } from './vault-commands.ts';

/** What the program itself takes, before any command. */
export const PROGRAM_FLAGS = ['autocomplete-install', 'autocomplete-uninstall', 'help', 'version'];

/**
 * What somebody most likely meant who wrote `words` where one of these commands is expected: `Unknown command "raed". Did you mean
 * "read"?`. A command of Vault's that is missing here is found as well, and so are a subcommand that was written without its group and
 * a flag of the program. Undefined when nothing is near.
 *
 * @param group the words before, such as `lease`
 */
export function suggestCommand(
  words: readonly string[],
  commands: readonly CommandNode[],
  group = '',
): string | undefined {
  const [word, ...rest] = words;
  if (word === undefined) return undefined;
  const before = group && `${group} `;
  if (word.startsWith('-')) return suggestFlag(word, before);
  const names = [...commands.map(({ name }) => name), ...missingBelow(before)];
  const meant =
    word === 'help' ? helpFlag([group, ...rest]) : (didYouMean(word, names, before) ?? withGroup(word, commands));
  return meant && `Unknown command "${before}${word}". ${meant}`;
}

function helpFlag(words: readonly string[]): string {
  const names = words.filter((word) => word !== '' && !word.startsWith('-'));
  return `Did you mean "${[...names, '-help'].join(' ')}"?`;
}

/** The next word of each command of Vault's that is missing and begins with these. What is short is near to too many words: `cp`, `hcp`. */
function missingBelow(before: string): string[] {
  return MISSING_COMMANDS.filter(({ command }) => command.startsWith(before))
    .map(({ command }) => command.slice(before.length).split(' ')[0] ?? '')
    .filter(({ length }) => length > 3);
}

function suggestFlag(flag: string, before: string): string | undefined {
  const meant = didYouMean(flag.replace(/^--?/, ''), before === '' ? PROGRAM_FLAGS : ['help'], `${before}-`);
  return meant && `Unknown flag "${flag}". ${meant}`;
}

function withGroup(word: string, commands: readonly CommandNode[]): string | undefined {
  const names = commands.flatMap((node) =>
    isGroup(node) && node.commands.some(({ name }) => name === word) ? [`"${node.name} ${word}"`] : [],
  );
  return names.length === 0 ? undefined : `Did you mean ${names.join(' or ')}?`;
}
