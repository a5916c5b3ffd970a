import type { CommandGroup } from '../../command.ts';
import { migrateVault } from './vault.ts';

export const migrate: CommandGroup = {
  name: 'migrate',
  synopsis: 'Move to this server from another one',
  description: 'Copies configuration from a running Vault or OpenBao to this server, through the API of both.',
  examples: [
    {
      caption: 'Show what would be written:',
      command: 'migrate vault -from=https://vault.example.com:8200 -from-token-file=token -dry-run',
    },
  ],
  commands: [migrateVault],
};
