import { createReadStream } from 'node:fs';
import { isJsonObject } from '@coffer/base';
import { readSnapshot } from '@coffer/snapshot';
import { defineCommand } from '../../../command.ts';
import { reporting } from '../../../failure.ts';
import { Progress } from './progress.ts';
import { snapshotFile } from './snapshot-file.ts';

export const snapshotRestore = defineCommand({
  name: 'restore',
  synopsis: 'Replace the contents of the store with a snapshot',
  usage: '[options] FILE',
  description: `
    Replaces the contents of the store, for all its servers, with a snapshot. A damaged snapshot is refused; so is one
    from a store with other keys, unless you give -force. A refused snapshot leaves the store unchanged.`,
  examples: [
    { caption: 'Restore a snapshot:', command: 'operator snapshot restore coffer.snap' },
    {
      caption: 'Restore into a new server, which has other keys:',
      command: 'operator snapshot restore -force coffer.snap',
    },
  ],
  flags: {
    force: {
      type: 'boolean',
      usage: 'This bypasses checks ensuring the Autounseal or shamir keys are consistent with the snapshot data.',
    },
  },
  output: ['format'],
  arguments: { min: 1, max: 1 },
  async run({ connect, arguments: [file = ''], flags, printer, ui }) {
    const { size } = await reporting('Error reading the snapshot', snapshotFile(file, readSnapshot));
    const client = await connect();
    const path = flags.force === true ? 'sys/storage/raft/snapshot-force' : 'sys/storage/raft/snapshot';
    const chunks = new Progress(ui, 'sent', size).of(createReadStream(file));
    const { body } = await reporting('Error installing the snapshot', client.upload(path, chunks, size));
    const warnings = isJsonObject(body) && Array.isArray(body['warnings']) ? body['warnings'] : [];
    if (printer.format !== 'table') return printer.data({ restored: true, warnings });
    for (const warning of warnings) ui.warn(`WARNING! ${String(warning)}`);
    ui.output('Success! The snapshot was restored.');
    return 0;
  },
});
