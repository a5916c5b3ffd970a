import { readSnapshot } from '@coffer/snapshot';
import { defineCommand } from '../../../command.ts';
import { reporting } from '../../../failure.ts';
import { renderTable } from '../../../output/table.ts';
import { sizeText } from './progress.ts';
import { snapshotDocument, snapshotFile } from './snapshot-file.ts';

export const snapshotInspect = defineCommand({
  name: 'inspect',
  synopsis: 'Check a snapshot and show its contents',
  usage: '[options] FILE',
  description: `
    Reads a snapshot and shows whether it is intact, when and by what it was taken, and how many rows of each kind it
    has. Needs no server and no keys, since nothing is decrypted.`,
  examples: [{ caption: 'Inspect a snapshot:', command: 'operator snapshot inspect coffer.snap' }],
  http: false,
  flags: {},
  output: ['format'],
  arguments: { min: 1, max: 1 },
  async run({ arguments: [file = ''], printer, ui }) {
    const snapshot = await reporting('Error reading the snapshot', snapshotFile(file, readSnapshot));
    if (printer.format !== 'table') return printer.data(snapshotDocument(snapshot));
    const { meta, counts, size } = snapshot;
    ui.output(
      renderTable([
        ['Key', 'Value'],
        ['ID', meta.id],
        ['Size', String(size)],
        ['Created', meta.created],
        ['Version', meta.version],
        ['Schema', String(meta.schema)],
        ['Storage Type', meta.storage],
        ['Cluster Name', meta.clusterName],
      ]),
    );
    const rows = counts.map(({ name, rows: count, bytes }) => [name, String(count), sizeText(bytes)]);
    ui.output(`\n${renderTable([['Table', 'Count', 'Total Size'], ...rows])}`);
    return 0;
  },
});
