import type { ApiResponse, Client } from '@coffer/client';
import { defineCommand } from '../../command.ts';
import { reporting, usageFailure } from '../../failure.ts';
import { printWarningsOf } from '../../output/warnings.ts';

export const tokenRevoke = defineCommand({
  name: 'revoke',
  synopsis: 'Revoke a token and its children',
  usage: '[options] [TOKEN | ACCESSOR]',
  description: 'Revokes a token, its child tokens, and all their leases. Either TOKEN or -self is required.',
  examples: [
    { caption: 'Revoke a token and its children:', command: 'token revoke s.79WdkTimjmiitkspjJMUoRCF' },
    {
      caption: 'Revoke a token, but not its children:',
      command: 'token revoke -mode=orphan s.79WdkTimjmiitkspjJMUoRCF',
    },
  ],
  flags: {
    accessor: { type: 'boolean', usage: 'Treat the argument as an accessor.' },
    self: { type: 'boolean', usage: 'Revoke the token in use.' },
    mode: {
      type: 'string',
      usage: `"orphan" revokes only the token; its children become orphans. With "path", the argument is a path
        prefix: all tokens that logins under it created are revoked, with their children.`,
    },
  },
  arguments: { min: 0 },
  async run({ arguments: words, connect, flags, ui }) {
    checkUsage(words.length, flags);
    const answer = await reporting('Error revoking token', revoke(await connect(), words[0]?.trim() ?? '', flags));
    printWarningsOf(ui, answer);
    ui.output('Success! Revoked token (if it existed)');
    return 0;
  },
});

interface Choice {
  readonly accessor: boolean;
  readonly self: boolean;
  readonly mode: string | undefined;
}

function checkUsage(count: number, { accessor, self, mode }: Choice): void {
  if (mode !== undefined && !['', 'orphan', 'path'].includes(mode))
    throw usageFailure(`Invalid mode: ${mode}\nUse "orphan" or "path".`);
  if (self && count > 0) throw usageFailure(`Too many arguments with -self (expected 0, got ${count})`);
  if (!self && count > 1) throw usageFailure(`Too many arguments (expected 1 or -self, got ${count})`);
  if (!self && count < 1) throw usageFailure(`Not enough arguments (expected 1 or -self, got ${count})`);
  if (self && accessor) throw usageFailure('Cannot use -self with -accessor!');
  if (self && mode) throw usageFailure('Cannot use -self with -mode!');
  if (accessor && mode) throw usageFailure(`Cannot use -accessor with -mode=${mode}!`);
}

function revoke(client: Client, named: string, { accessor, self, mode }: Choice): Promise<ApiResponse> {
  if (self) return client.request('PUT', 'auth/token/revoke-self');
  if (accessor) return client.request('POST', 'auth/token/revoke-accessor', { body: { accessor: named } });
  if (mode === 'orphan') return client.request('PUT', 'auth/token/revoke-orphan', { body: { token: named } });
  if (mode === 'path') return client.request('PUT', `sys/leases/revoke-prefix/${named}`);
  return client.request('PUT', 'auth/token/revoke', { body: { token: named } });
}
