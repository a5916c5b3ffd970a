import type { CommandGroup } from '../../command.ts';
import { migrateVault } from './vault.ts';

export const migrate: CommandGroup = {
  name: 'migrate',
  synopsis: 'Bring over what another server has',
  description: 'From a running Vault or OpenBao to this server, over the API of both.',
  examples: [
    {
      caption: 'See what would be written:',
      command: 'migrate vault -from=https://vault.example.com:8200 -from-token-file=token -dry-run',
    },
  ],
  commands: [migrateVault],
};
