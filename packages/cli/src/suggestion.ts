import { didYouMean } from '@coffer/base';
import { type CommandNode, isGroup } from './command.ts';

/**
 * What somebody most likely meant who wrote `word` where one of these commands is expected: `Unknown command "raed". Did you mean
 * "read"?`. A subcommand that was written without its group is found as well. Undefined when nothing is near.
 *
 * @param group the words before, such as `lease`
 */
export function suggestCommand(
  word: string | undefined,
  commands: readonly CommandNode[],
  group = '',
): string | undefined {
  if (word === undefined || word.startsWith('-')) return undefined;
  const meant =
    didYouMean(
      word,
      commands.map(({ name }) => name),
      group && `${group} `,
    ) ?? withGroup(word, commands);
  return meant && `Unknown command "${group && `${group} `}${word}". ${meant}`;
}

function withGroup(word: string, commands: readonly CommandNode[]): string | undefined {
  const names = commands.flatMap((node) =>
    isGroup(node) && node.commands.some(({ name }) => name === word) ? [`"${node.name} ${word}"`] : [],
  );
  return names.length === 0 ? undefined : `Did you mean ${names.join(' or ')}?`;
}
