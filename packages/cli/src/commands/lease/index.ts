import type { CommandGroup } from '../../command.ts';
import { leaseLookup } from './lookup.ts';
import { leaseRenew } from './renew.ts';
import { leaseRevoke } from './revoke.ts';

export const lease: CommandGroup = {
  name: 'lease',
  synopsis: 'Look up, renew and revoke leases',
  description: `
    Engines issue credentials with a lease. The credentials work until the lease expires or is revoked.`,
  examples: [
    {
      caption: 'Extend a lease by an hour:',
      command: 'lease renew -increment=1h database/creds/my-role/2f6a614c',
    },
    { caption: 'Revoke all credentials of a role:', command: 'lease revoke -prefix database/creds/my-role' },
  ],
  commands: [leaseLookup, leaseRenew, leaseRevoke],
};
