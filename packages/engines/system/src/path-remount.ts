import { CofferError } from '@coffer/base';
import type { Remounts } from '@coffer/core';
import { definePath, normalizeMountPath, type Path } from '@coffer/framework';

/** What is mounted there stays there, and nothing else comes there (hashicorp/vault:vault/mount.go, vault/auth.go). */
const PROTECTED: readonly string[] = ['audit/', 'auth/', 'sys/', 'cubbyhole/', 'identity/'];
const PROTECTED_AUTH = 'auth/token/';

/** `sys/remount`, `sys/remount/status/:migration_id`. */
export function remountPaths(remounts: Remounts): Path[] {
  return [
    definePath({
      pattern: 'remount',
      fields: {
        from: { type: 'string', default: '', description: 'Where it is mounted: "database", "auth/userpass".' },
        to: { type: 'string', default: '', description: 'Where to mount it instead.' },
      },
      sudo: true,
      synopsis: 'Moves a secrets engine or auth method to another path, in the background.',
      description:
        'What it has issued is revoked; what it has stored stays. sys/remount/status shows when the move is done.',
      write: async ({ fields }) => {
        const [from, to] = checkedPaths(fields.from, fields.to);
        const migration_id = await remounts.begin(from, to);
        return {
          shape: 'flat',
          data: { migration_id },
          warnings: [
            "Mount move has been queued. Progress will be reported in Vault's server log, tagged with the returned migration_id",
          ],
        };
      },
    }),
    definePath({
      pattern: 'remount/status/:migration_id',
      fields: {
        migration_id: { type: 'string', required: true, description: 'The migration_id that sys/remount returned.' },
      },
      synopsis: 'Shows the state of a move: in-progress, success or failure.',
      read: async ({ fields: { migration_id } }) => {
        const found = await remounts.status(migration_id);
        if (found === undefined) return undefined;
        const { from, to, status } = found;
        return { data: { migration_id, migration_info: { source_mount: from, target_mount: to, status } } };
      },
    }),
  ];
}

/** @throws CofferError `invalid-request` with Vault's texts */
function checkedPaths(givenFrom: string, givenTo: string): [from: string, to: string] {
  if (givenFrom === '' || givenTo === '') refuse("both 'from' and 'to' path must be specified as a string");
  if (givenFrom !== givenFrom.trim()) refuse("'from' path cannot contain trailing whitespace");
  if (givenTo !== givenTo.trim()) refuse("'to' path cannot contain trailing whitespace");
  const [from, to] = [normalizeMountPath(givenFrom), normalizeMountPath(givenTo)];
  if (!from.startsWith('auth/')) {
    if (PROTECTED.some((path) => from.startsWith(path))) refuse(`cannot remount ${JSON.stringify(from)}`);
    if (PROTECTED.some((path) => to.startsWith(path))) refuse(`cannot remount to destination ${to}`);
  } else {
    if (!to.startsWith('auth/')) refuse(`cannot remount auth mount to non-auth mount ${JSON.stringify(to)}`);
    if (from.startsWith(PROTECTED_AUTH)) refuse(`cannot remount ${JSON.stringify(from)}`);
    if (to.startsWith(PROTECTED_AUTH) || to === 'auth/') refuse(`cannot remount to destination ${JSON.stringify(to)}`);
  }
  return [from, to];
}

function refuse(message: string): never {
  throw new CofferError('invalid-request', message);
}
