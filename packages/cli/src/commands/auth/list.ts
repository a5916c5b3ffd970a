import { defineCommand } from '../../command.ts';
import { listMounts, MOUNT_LIST_FLAGS } from '../../mount-list.ts';

export const authList = defineCommand({
  name: 'list',
  synopsis: 'List the enabled auth methods',
  usage: '[options]',
  description: 'Lists the enabled auth methods and their paths. A TTL of "system" means the server\'s default.',
  flags: MOUNT_LIST_FLAGS,
  output: ['format'],
  arguments: { min: 0, max: 0 },
  run: (invocation) =>
    listMounts(invocation, {
      path: 'sys/auth',
      failure: 'Error listing enabled authentications',
      columns: [
        ['Type', 'type'],
        ['Accessor', 'accessor'],
        ['Description', 'description'],
        ['Version', 'plugin_version'],
      ],
      ownColumn: ['Token Type', 'token_type'],
    }),
});
