import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { detailedMountRows, mountDocument, mountRows, mountsOf } from '../../mount-table.ts';

export const authList = defineCommand({
  name: 'list',
  synopsis: 'List the enabled auth methods',
  usage: '[options]',
  description:
    'Lists the enabled auth methods with their paths. A TTL of "system" means what the server is configured with.',
  flags: {
    detailed: { type: 'boolean', usage: 'Show TTLs, options, versions and more.' },
  },
  output: ['format'],
  arguments: { min: 0, max: 0 },
  async run({ connect, flags, printer }) {
    const client = await connect();
    const mounts = mountsOf(await reporting('Error listing enabled authentications', client.read('sys/auth')));
    const columns = [
      ['Type', 'type'],
      ['Accessor', 'accessor'],
      ['Description', 'description'],
      ['Version', 'plugin_version'],
    ] as const;
    return printer.rowsOr(
      () => (flags.detailed ? detailedMountRows(mounts, ['Token Type', 'token_type']) : mountRows(mounts, columns)),
      () => mountDocument(mounts),
    );
  },
});
