import type { JsonObject } from '@coffer/base';
import type { Client } from '@coffer/client';
import { defineCommand } from '../../command.ts';
import { reporting, usageFailure } from '../../failure.ts';
import { goValue } from '../../output/go-value.ts';
import type { Printer } from '../../output/printer.ts';
import { wrapText } from '../../output/wrap.ts';
import type { Ui } from '../../ui.ts';
import { askBare, readShare, strings } from './answer.ts';

export const operatorRekey = defineCommand({
  name: 'rekey',
  synopsis: 'Exchange the unseal shares',
  usage: '[options] [KEY]',
  description: `
    Makes new unseal shares, when enough holders of the present ones agree. One of them begins with -init; then each hands
    in a share with the nonce that -init printed. The last one gets the new shares.`,
  examples: [
    { caption: 'Begin:', command: 'operator rekey -init -key-shares=5 -key-threshold=3' },
    { caption: 'Hand in a share:', command: 'operator rekey -nonce=2dbd10f1' },
    { caption: 'Give up:', command: 'operator rekey -cancel' },
  ],
  flags: {
    init: { type: 'boolean', usage: 'Begin.' },
    cancel: { type: 'boolean', usage: 'Give up what was begun, with the shares handed in.' },
    status: { type: 'boolean', usage: 'Show how far it is.' },
    'key-shares': { type: 'integer', aliases: ['n'], usage: 'Into how many shares the new key is split. Default: 5.' },
    'key-threshold': { type: 'integer', aliases: ['t'], usage: 'How many of them unseal. Default: 3.' },
    nonce: { type: 'string', usage: 'The nonce that -init printed. Needed when KEY is given.' },
  },
  output: ['format'],
  arguments: { min: 0, max: 1, expected: '0-1' },
  async run({ arguments: [argument], connect, flags, printer, stdin, ui }) {
    const client = (await connect()).with({ namespace: undefined });
    if (flags.cancel) {
      await reporting('Error canceling rekey', client.delete('sys/rekey/init'));
      ui.output('Success! Canceled rekeying (if it was started)');
      return 0;
    }
    if (flags.init) {
      const body = { secret_shares: flags['key-shares'] ?? 5, secret_threshold: flags['key-threshold'] ?? 3 };
      const begun = await reporting('Error initializing rekey', askBare(client, 'PUT', 'sys/rekey/init', body));
      return showRekeyStatus(printer, begun);
    }
    const status = await reporting('Error getting rekey status', askBare(client, 'GET', 'sys/rekey/init'));
    if (flags.status) return showRekeyStatus(printer, status);
    if (status['started'] !== true) {
      throw usageFailure('No rekey is in progress. Start a rekey process by running "operator rekey -init".');
    }
    return handIn(client, printer, ui, {
      nonce: flags.nonce ?? nonceWithoutFlag(argument, status),
      key: await readShare(
        { stdin, ui },
        argument,
        'Rekey operation nonce ' + goValue(status['nonce'] ?? '') + '\nUnseal Key',
      ),
      status,
    });
  },
});

/** Whoever is asked for the share sees the nonce first; a share from a script must say which rekey it is for. */
export function nonceWithoutFlag(argument: string | undefined, status: JsonObject): string {
  if (argument !== undefined) throw usageFailure('Missing nonce value: specify it via the -nonce flag');
  return goValue(status['nonce'] ?? '');
}

async function handIn(
  client: Client,
  printer: Printer,
  ui: Ui,
  { nonce, key, status }: { nonce: string; key: string; status: JsonObject },
): Promise<number> {
  const answer = await reporting(
    'Error posting unseal key',
    askBare(client, 'PUT', 'sys/rekey/update', { key, nonce }),
  );
  if (answer['complete'] !== true) return showRekeyStatus(printer, answer);
  if (printer.format !== 'table') return printer.data(answer);
  const shares = strings(answer['keys_base64']);
  const threshold = goValue(status['t'] ?? '');
  ui.output(`\n${shares.map((share, index) => `Key ${index + 1}: ${share}`).join('\n')}`);
  ui.output(`\nOperation nonce: ${goValue(answer['nonce'] ?? '')}\n`);
  ui.output(
    wrapText(
      `Vault unseal keys rekeyed with ${shares.length} key shares and a key threshold of ${threshold}. Please securely distribute the key shares printed above. When Vault is re-sealed, restarted, or stopped, you must supply at least ${threshold} of these keys to unseal it before it can start servicing requests.`,
      0,
    ),
  );
  return 0;
}

function showRekeyStatus(printer: Printer, status: JsonObject): number {
  const show = (key: string): string => goValue(status[key] ?? '');
  return printer.rowsOr(
    () => [
      ['Key', 'Value'],
      ['Nonce', show('nonce')],
      ['Started', show('started')],
      ...(status['started'] === true
        ? [
            ['Rekey Progress', `${show('progress')}/${show('required')}`],
            ['New Shares', show('n')],
            ['New Threshold', show('t')],
          ]
        : []),
    ],
    () => status,
  );
}
