import type { CommandGroup } from '../../command.ts';
import { authDisable } from './disable.ts';
import { authEnable } from './enable.ts';
import { authList } from './list.ts';
import { authMove } from './move.ts';
import { authTune } from './tune.ts';

export const auth: CommandGroup = {
  name: 'auth',
  synopsis: 'Manage auth methods',
  description: `
    An auth method verifies who a client is, and issues a token with policies. To log in, see "login".`,
  examples: [
    { caption: 'List all enabled auth methods:', command: 'auth list' },
    { caption: 'Enable userpass:', command: 'auth enable userpass' },
  ],
  commands: [authDisable, authEnable, authList, authMove, authTune],
};
