import { type CommandDefinition, type CommandNode, isGroup } from './command.ts';
import { commandsWith, type RunExtra } from './run.ts';

/** One command, by its whole name: `lease renew`. */
export interface ListedCommand {
  readonly name: string;
  readonly command: CommandDefinition;
}

/** Every command of a program, without the groups that they are in. */
export function listCommands(extra: RunExtra = {}): ListedCommand[] {
  return below(commandsWith(extra), '');
}

function below(nodes: readonly CommandNode[], path: string): ListedCommand[] {
  return nodes.flatMap((node) => {
    const name = `${path} ${node.name}`.trimStart();
    return isGroup(node) ? below(node.commands, name) : [{ name, command: node }];
  });
}
