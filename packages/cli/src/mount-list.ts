import type { Invocation } from './command.ts';
import { reporting } from './failure.ts';
import type { FlagDefinitions, FlagValues } from './flags.ts';
import { detailedMountRows, mountDocument, mountRows, mountsOf } from './mount-table.ts';

export const MOUNT_LIST_FLAGS = {
  detailed: { type: 'boolean', usage: 'Show TTLs, options, versions and more.' },
} as const satisfies FlagDefinitions;

interface MountList {
  /** Where the server lists them. */
  readonly path: string;
  /** What the message begins with when it does not. */
  readonly failure: string;
  /** Titles and keys of the table. */
  readonly columns: readonly (readonly [title: string, key: string])[];
  /** Title and key in the configuration, for -detailed. */
  readonly ownColumn: readonly [title: string, configKey: string];
}

/** Prints what is mounted. @throws CommandFailure (exit code 2) when the server refuses */
export async function listMounts(
  {
    connect,
    flags,
    printer,
  }: Pick<Invocation, 'connect' | 'printer'> & {
    readonly flags: FlagValues<typeof MOUNT_LIST_FLAGS>;
  },
  { path, failure, columns, ownColumn }: MountList,
): Promise<number> {
  const client = await connect();
  const mounts = mountsOf(await reporting(failure, client.read(path)));
  return printer.rowsOr(
    () => (flags.detailed ? detailedMountRows(mounts, ownColumn) : mountRows(mounts, columns)),
    () => mountDocument(mounts),
  );
}
