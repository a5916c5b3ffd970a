import type { CommandGroup } from '../../command.ts';
import { printToken } from './token.ts';

export const print: CommandGroup = {
  name: 'print',
  synopsis: 'Print what other commands would use',
  description: 'Prints what other commands would use, from the environment and the token helper.',
  commands: [printToken],
};
