import type { CommandGroup } from '../../../command.ts';
import { snapshotInspect } from './inspect.ts';
import { snapshotRestore } from './restore.ts';
import { snapshotSave } from './save.ts';

export const operatorSnapshot: CommandGroup = {
  name: 'snapshot',
  synopsis: 'Save, restore and look into snapshots of the store',
  description:
    'A snapshot is a file with everything that is in the store at one moment, sealed as it is there. It can be restored into either ' +
    'type of storage.',
  examples: [
    { caption: 'Save a snapshot:', command: 'operator snapshot save coffer.snap' },
    { caption: 'Restore it:', command: 'operator snapshot restore coffer.snap' },
  ],
  commands: [snapshotInspect, snapshotRestore, snapshotSave],
};

/** Where users of Vault look for it. */
export const operatorRaft: CommandGroup = {
  name: 'raft',
  synopsis: 'Snapshots, under the name that Vault has for them',
  description: 'There is no raft storage here: only the commands for snapshots.',
  commands: [operatorSnapshot],
};
