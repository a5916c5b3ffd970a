import { readSnapshot } from '@coffer/snapshot';
import { defineCommand } from '../../../command.ts';
import { reporting } from '../../../failure.ts';
import { renderTable } from '../../../output/table.ts';
import { sizeText } from './progress.ts';
import { snapshotDocument, snapshotFile } from './snapshot-file.ts';

export const snapshotInspect = defineCommand({
  name: 'inspect',
  synopsis: 'Check a snapshot, and show what is in it',
  usage: '[options] FILE',
  description: `
    Reads a snapshot from its first byte to its last, says whether it is whole, when and by what it was taken, and how many rows of each
    kind are in it. Needs no server and no keys: nothing in it is opened.`,
  examples: [{ caption: 'Look into a snapshot:', command: 'operator snapshot inspect coffer.snap' }],
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
