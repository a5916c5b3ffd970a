import type { CommandGroup } from '../../../command.ts';
import { snapshotInspect } from './inspect.ts';
import { snapshotRestore } from './restore.ts';
import { snapshotSave } from './save.ts';

export const operatorSnapshot: CommandGroup = {
  name: 'snapshot',
  synopsis: 'Save, restore and inspect snapshots of the store',
  description:
    'A snapshot is a file with the entire contents of the store at one moment, encrypted as in the store. It can be ' +
    'restored into either type of storage.',
  examples: [
    { caption: 'Save a snapshot:', command: 'operator snapshot save coffer.snap' },
    { caption: 'Restore it:', command: 'operator snapshot restore coffer.snap' },
  ],
  commands: [snapshotInspect, snapshotRestore, snapshotSave],
};

/** Where users of Vault look for it. */
export const operatorRaft: CommandGroup = {
  name: 'raft',
  synopsis: 'Snapshots, under their name in Vault',
  description: 'Coffer has no Raft storage. These are the snapshot commands under their name in Vault.',
  commands: [operatorSnapshot],
};
