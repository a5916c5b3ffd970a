import type { CommandGroup } from '../../command.ts';
import { leaseLookup } from './lookup.ts';
import { leaseRenew } from './renew.ts';
import { leaseRevoke } from './revoke.ts';

export const lease: CommandGroup = {
  name: 'lease',
  synopsis: 'Look up, renew and revoke leases',
  description: `
    Credentials that an engine issues come with a lease. They work while it lasts, and are removed when it ends or is
    revoked.`,
  examples: [
    {
      caption: 'Keep credentials for another hour:',
      command: 'lease renew -increment=1h database/creds/my-role/2f6a614c',
    },
    { caption: 'End all credentials of a role:', command: 'lease revoke -prefix database/creds/my-role' },
  ],
  commands: [leaseLookup, leaseRenew, leaseRevoke],
};
