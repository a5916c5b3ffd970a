import type { JsonObject } from '@coffer/base';
import type { Client } from '@coffer/client';
import { askBare } from '../../bare-answer.ts';
import { defineCommand } from '../../command.ts';
import { reporting, usageFailure } from '../../failure.ts';
import { goValue } from '../../output/go-value.ts';
import type { Printer } from '../../output/printer.ts';
import { wrapText } from '../../output/wrap.ts';
import type { Ui } from '../../ui.ts';
import { readShare, strings } from './answer.ts';
import { ATTEMPT_FLAGS, nonceWithoutFlag } from './attempt.ts';

export const operatorRekey = defineCommand({
  name: 'rekey',
  synopsis: 'Replace the unseal shares',
  usage: '[options] [KEY]',
  description: `
    Generates new unseal shares once enough of the current shares have been entered. One holder starts with -init;
    then each holder enters a share with the nonce that -init printed. The holder who enters the last one gets the new
    shares.

    With auto-unseal, there are recovery shares instead: -target=recovery replaces them. Without that flag, their
    holders replace the root key, which has no shares.`,
  examples: [
    { caption: 'Start:', command: 'operator rekey -init -key-shares=5 -key-threshold=3' },
    { caption: 'Enter a share:', command: 'operator rekey -nonce=2dbd10f1' },
    {
      caption: 'Replace the recovery shares (with auto-unseal):',
      command: 'operator rekey -target=recovery -init',
    },
    { caption: 'Cancel:', command: 'operator rekey -cancel' },
  ],
  flags: {
    ...ATTEMPT_FLAGS,
    'key-shares': { type: 'integer', aliases: ['n'], usage: 'Number of shares to split the new key into. Default: 5.' },
    'key-threshold': { type: 'integer', aliases: ['t'], usage: 'Number of new shares needed. Default: 3.' },
    target: {
      type: 'string',
      default: 'barrier',
      usage: 'Which key to replace: "barrier", or "recovery" with auto-unseal.',
    },
  },
  output: ['format'],
  arguments: { min: 0, max: 1, expected: '0-1' },
  async run({ arguments: [argument], connect, flags, printer, stdin, ui }) {
    const target = targetOf(flags.target);
    const init = `${target.path}/init`;
    const client = (await connect()).with({ namespace: undefined });
    if (flags.cancel) {
      await reporting('Error canceling rekey', client.delete(init));
      ui.output('Success! Canceled rekeying (if it was started)');
      return 0;
    }
    if (flags.init) {
      const body = { secret_shares: flags['key-shares'] ?? 5, secret_threshold: flags['key-threshold'] ?? 3 };
      const begun = await reporting('Error initializing rekey', askBare(client, 'PUT', init, body));
      return showRekeyStatus(printer, begun);
    }
    const status = await reporting('Error getting rekey status', askBare(client, 'GET', init));
    if (flags.status) return showRekeyStatus(printer, status);
    if (status['started'] !== true) {
      throw usageFailure('No rekey is in progress. Start a rekey process by running "operator rekey -init".');
    }
    return enterShare(client, printer, ui, {
      target,
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

interface RekeyTarget {
  readonly path: string;
  readonly recovery: boolean;
}

/** openbao/openbao:command/operator_rekey.go: "hsm" is the older name. */
function targetOf(text: string): RekeyTarget {
  switch (text.trim().toLowerCase()) {
    case 'barrier':
      return { path: 'sys/rekey', recovery: false };
    case 'recovery':
    case 'hsm':
      return { path: 'sys/rekey-recovery-key', recovery: true };
    default:
      throw usageFailure(`Unknown target: ${text}`);
  }
}

async function enterShare(
  client: Client,
  printer: Printer,
  ui: Ui,
  { target, nonce, key, status }: { target: RekeyTarget; nonce: string; key: string; status: JsonObject },
): Promise<number> {
  const answer = await reporting(
    'Error posting unseal key',
    askBare(client, 'PUT', `${target.path}/update`, { key, nonce }),
  );
  if (answer['complete'] !== true) return showRekeyStatus(printer, answer);
  if (printer.format !== 'table') return printer.data(answer);
  const shares = strings(answer['keys_base64']);
  const threshold = goValue(status['t'] ?? '');
  if (shares.length > 0) ui.output(`\n${shares.map((share, index) => `Key ${index + 1}: ${share}`).join('\n')}`);
  ui.output(`\nOperation nonce: ${goValue(answer['nonce'] ?? '')}\n`);
  ui.output(wrapText(advice(target, shares.length, threshold), 0));
  return 0;
}

function advice({ recovery }: RekeyTarget, shares: number, threshold: string): string {
  const distribute = `rekeyed with ${shares} key shares and a key threshold of ${threshold}. Please securely distribute the key shares printed above.`;
  if (recovery) return `Vault recovery keys ${distribute}`;
  if (shares === 0) return 'Vault root key rekeyed. With auto-unseal, the root key has no shares.';
  return `Vault unseal keys ${distribute} When Vault is re-sealed, restarted, or stopped, you must supply at least ${threshold} of these keys to unseal it before it can start servicing requests.`;
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
