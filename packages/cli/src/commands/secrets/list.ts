import { defineCommand } from '../../command.ts';
import { listMounts, MOUNT_LIST_FLAGS } from '../../mount-list.ts';

export const secretsList = defineCommand({
  name: 'list',
  synopsis: 'List the enabled secrets engines',
  usage: '[options]',
  description: 'Lists the enabled secrets engines and their paths. A TTL of "system" means the server\'s default.',
  flags: MOUNT_LIST_FLAGS,
  output: ['format'],
  arguments: { min: 0, max: 0 },
  run: (invocation) =>
    listMounts(invocation, {
      path: 'sys/mounts',
      failure: 'Error listing secrets engines',
      columns: [
        ['Type', 'type'],
        ['Accessor', 'accessor'],
        ['Description', 'description'],
      ],
      ownColumn: ['Force No Cache', 'force_no_cache'],
    }),
});
