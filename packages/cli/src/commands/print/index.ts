import type { CommandGroup } from '../../command.ts';
import { printToken } from './token.ts';

export const print: CommandGroup = {
  name: 'print',
  synopsis: 'Print what commands would use',
  description: 'Prints what commands would use, after the environment and the token helper have been asked.',
  commands: [printToken],
};
