import type { CommandGroup } from '../../command.ts';
import { secretsDisable } from './disable.ts';
import { secretsEnable } from './enable.ts';
import { secretsList } from './list.ts';
import { secretsMove } from './move.ts';
import { secretsTune } from './tune.ts';

export const secrets: CommandGroup = {
  name: 'secrets',
  synopsis: 'Manage secrets engines',
  description: 'A secrets engine stores secrets or issues them on demand. Each is enabled at its own path.',
  examples: [
    { caption: 'List all enabled engines:', command: 'secrets list' },
    { caption: 'Enable the database engine:', command: 'secrets enable database' },
  ],
  commands: [secretsDisable, secretsEnable, secretsList, secretsMove, secretsTune],
};
