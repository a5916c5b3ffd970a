import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { detailedMountRows, mountDocument, mountRows, mountsOf } from '../../mount-table.ts';

export const secretsList = defineCommand({
  name: 'list',
  synopsis: 'List the enabled secrets engines',
  usage: '[options]',
  description: `
    Lists the enabled secrets engines with their paths. A TTL of "system" means what the server is configured with.`,
  flags: {
    detailed: { type: 'boolean', usage: 'Show TTLs, options, versions and more.' },
  },
  output: ['format'],
  arguments: { min: 0, max: 0 },
  async run({ connect, flags, printer }) {
    const client = await connect();
    const mounts = mountsOf(await reporting('Error listing secrets engines', client.read('sys/mounts')));
    const columns = [
      ['Type', 'type'],
      ['Accessor', 'accessor'],
      ['Description', 'description'],
    ] as const;
    return printer.rowsOr(
      () =>
        flags.detailed ? detailedMountRows(mounts, ['Force No Cache', 'force_no_cache']) : mountRows(mounts, columns),
      () => mountDocument(mounts),
    );
  },
});
