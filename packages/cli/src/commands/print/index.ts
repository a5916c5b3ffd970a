import type { CommandGroup } from '../../command.ts';
import { printToken } from './token.ts';

export const print: CommandGroup = {
  name: 'print',
  synopsis: 'Print values that other commands use',
  description: 'Prints values that other commands use, from the environment and the token helper.',
  commands: [printToken],
};
