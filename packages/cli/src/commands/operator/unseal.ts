import { askBare } from '../../bare-answer.ts';
import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { showSealStatus } from '../status.ts';
import { readShare } from './answer.ts';

export const operatorUnseal = defineCommand({
  name: 'unseal',
  synopsis: 'Enter a share of the unseal key',
  usage: '[options] [KEY]',
  description: `
    Enters one share of the unseal key, and shows how many are still needed. Without KEY, the command prompts for it,
    which keeps it out of the shell history; "-" reads it from stdin.`,
  examples: [
    { caption: 'Enter a share at the prompt:', command: 'operator unseal' },
    { caption: 'Migrate to the seal in the configuration:', command: 'operator unseal -migrate' },
    { caption: 'Discard the shares entered so far:', command: 'operator unseal -reset' },
  ],
  flags: {
    migrate: {
      type: 'boolean',
      usage:
        'Migrate to the seal in the configuration. The share belongs to the present seal: an unseal key or a recovery key.',
    },
    reset: { type: 'boolean', usage: 'Discard the shares entered so far.' },
  },
  output: ['format'],
  arguments: { min: 0, max: 1, expected: '0-1' },
  async run({ arguments: [argument], connect, flags, printer, stdin, ui }) {
    const client = (await connect()).with({ namespace: undefined });
    const body = flags.reset
      ? { reset: true }
      : { key: await readShare({ stdin, ui }, argument, 'Unseal Key'), ...(flags.migrate && { migrate: true }) };
    const seal = await reporting('Error unsealing', askBare(client, 'PUT', 'sys/unseal', body));
    await showSealStatus(client, printer, seal);
    return 0;
  },
});
