import { defineCommand } from '../../command.ts';
import { reporting, usageFailure } from '../../failure.ts';
import { wrapText } from '../../output/wrap.ts';

export const leaseRevoke = defineCommand({
  name: 'revoke',
  synopsis: 'Revoke leases and their credentials',
  usage: '[options] ID',
  description: `
    Revokes a lease and its credentials. With -prefix, revokes all leases under a path.

    By default, the server queues the revocation and retries until it succeeds. With -sync, the command waits for the
    result and reports a failure.`,
  examples: [
    { caption: 'Revoke one lease:', command: 'lease revoke database/creds/my-role/2f6a614c' },
    { caption: 'Revoke all leases of a role, and wait:', command: 'lease revoke -prefix -sync database/creds/my-role' },
    {
      caption: 'Forget the leases of a database that no longer exists:',
      command: 'lease revoke -force -prefix database/creds',
    },
  ],
  flags: {
    force: {
      type: 'boolean',
      aliases: ['f'],
      usage: `Forget the leases even if their credentials cannot be removed. Use this if the database no longer exists
        or was cleaned up by hand. Requires -prefix.`,
    },
    prefix: { type: 'boolean', usage: 'Treat the ID as a prefix, and revoke every lease under it.' },
    sync: { type: 'boolean', usage: 'Wait until the credentials are revoked. A failure is not retried.' },
  },
  arguments: { min: 1, max: 1 },
  async run({ arguments: [argument = ''], connect, flags: { force, prefix, sync }, ui }) {
    if (force && !prefix) throw usageFailure('Specifying -force requires also specifying -prefix');
    const id = argument.trim();
    const client = await connect();
    if (force) {
      ui.warn(wrapText('Warning! Force-removing leases can cause Vault to become out of sync with secret engines!'));
      const request = client.request('PUT', `sys/leases/revoke-force/${id}`);
      await reporting(`Error force revoking leases with prefix ${id}`, request);
      ui.output(`Success! Force revoked any leases with prefix: ${id}`);
      return 0;
    }
    const request = client.request('PUT', `sys/leases/${prefix ? 'revoke-prefix' : 'revoke'}/${id}`, {
      body: { sync },
    });
    await reporting(prefix ? `Error revoking leases with prefix ${id}` : `Error revoking lease ${id}`, request);
    if (!sync) ui.output('All revocation operations queued successfully!');
    else ui.output(prefix ? `Success! Revoked any leases with prefix: ${id}` : `Success! Revoked lease: ${id}`);
    return 0;
  },
});
