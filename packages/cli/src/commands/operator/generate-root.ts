import { type JsonObject, randomBase62 } from '@coffer/base';
import { askBare } from '../../bare-answer.ts';
import { defineCommand } from '../../command.ts';
import { reporting, usageFailure } from '../../failure.ts';
import { goValue } from '../../output/go-value.ts';
import type { Printer } from '../../output/printer.ts';
import { renderColumns } from '../../output/table.ts';
import type { Ui } from '../../ui.ts';
import { readShare } from './answer.ts';
import { ATTEMPT_FLAGS, nonceWithoutFlag } from './attempt.ts';

export const operatorGenerateRoot = defineCommand({
  name: 'generate-root',
  synopsis: 'Generate a new root token',
  usage: '[options] [KEY]',
  description: `
    Generates a root token once enough key shares have been entered. One holder starts with -init and keeps the
    one-time password (OTP); then each holder enters a share. The token is returned encoded, and only the OTP can
    decode it.`,
  examples: [
    { caption: 'Start:', command: 'operator generate-root -init' },
    { caption: 'Enter a share:', command: 'operator generate-root -nonce=2dbd10f1' },
    { caption: 'Decode the token:', command: 'operator generate-root -decode=Q0NSWUJ -otp=8JTWLr' },
  ],
  flags: {
    ...ATTEMPT_FLAGS,
    'generate-otp': { type: 'boolean', usage: 'Print a one-time password to use with -init.' },
    decode: { type: 'string', usage: 'Decode this token. Requires -otp.' },
    otp: {
      type: 'string',
      usage: 'The one-time password for -init and -decode. Default for -init: the server generates one.',
    },
  },
  output: ['format'],
  arguments: { min: 0, max: 1, expected: '0-1' },
  async run({ arguments: [argument], connect, flags, printer, stdin, ui }) {
    if (flags.decode !== undefined) {
      ui.output(decode(flags.decode, flags.otp));
      return 0;
    }
    const client = (await connect()).with({ namespace: undefined });
    const path = 'sys/generate-root/attempt';
    if (flags.cancel) {
      await reporting('Error canceling root token generation', client.delete(path));
      ui.output('Success! Root token generation canceled (if it was started)');
      return 0;
    }
    if (flags.init) {
      const body = { otp: flags.otp ?? '' };
      const begun = await reporting('Error initializing root generation', askBare(client, 'PUT', path, body));
      return show(printer, ui, begun);
    }
    const status = await reporting('Error getting root generation status', askBare(client, 'GET', path));
    if (flags['generate-otp']) {
      ui.output(randomBase62(Number(status['otp_length'] ?? 0)));
      return 0;
    }
    if (flags.status) return show(printer, ui, status);
    if (status['started'] !== true) {
      throw usageFailure('No root generation is in progress. Start one by running "operator generate-root -init".');
    }
    const nonce = flags.nonce ?? nonceWithoutFlag(argument, status);
    const question = `Operation nonce: ${goValue(status['nonce'] ?? '')}\nUnseal Key`;
    const key = await readShare({ stdin, ui }, argument, question);
    const update = askBare(client, 'PUT', 'sys/generate-root/update', { key, nonce });
    return show(printer, ui, await reporting('Error posting unseal key', update));
  },
});

function decode(encoded: string, otp: string | undefined): string {
  if (!otp) throw usageFailure('-decode needs the one-time password too: give it with -otp');
  const bytes = Buffer.from(encoded, 'base64');
  const pad = Buffer.from(otp);
  if (bytes.length !== pad.length) throw usageFailure('-decode and -otp differ in length: one of them is cut off');
  return Buffer.from(bytes.map((byte, index) => byte ^ (pad[index] ?? 0))).toString('utf8');
}

function show(printer: Printer, ui: Ui, status: JsonObject): number {
  if (printer.format !== 'table') return printer.data(status);
  const value = (key: string): string => goValue(status[key] ?? '');
  const optional = (title: string, key: string): string[][] => (value(key) === '' ? [] : [[title, value(key)]]);
  ui.output(
    renderColumns([
      ['Nonce', value('nonce')],
      ['Started', value('started')],
      ['Progress', `${value('progress')}/${value('required')}`],
      ['Complete', value('complete')],
      ...optional('Encoded Token', 'encoded_token'),
      ...optional('OTP', 'otp'),
      ...optional('OTP Length', 'otp_length'),
    ]),
  );
  return 0;
}
