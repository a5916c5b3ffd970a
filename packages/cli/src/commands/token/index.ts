import type { CommandGroup } from '../../command.ts';
import { tokenCapabilities } from './capabilities.ts';
import { tokenCreate } from './create.ts';
import { tokenLookup } from './lookup.ts';
import { tokenRenew } from './renew.ts';
import { tokenRevoke } from './revoke.ts';

export const token: CommandGroup = {
  name: 'token',
  synopsis: 'Create, look up, renew and revoke tokens',
  description: 'A token identifies the client and carries its policies. It can have a TTL and child tokens.',
  examples: [
    { caption: 'Create a token for an hour:', command: 'token create -ttl=1h -policy=my-policy' },
    { caption: 'Revoke a token:', command: 'token revoke s.79WdkTimjmiitkspjJMUoRCF' },
  ],
  commands: [tokenCapabilities, tokenCreate, tokenLookup, tokenRenew, tokenRevoke],
};
