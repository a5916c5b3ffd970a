import type { JsonObject } from '@coffer/base';
import type { Client } from '@coffer/client';
import { askBare } from '../../bare-answer.ts';
import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { orderKeys } from '../../output/document.ts';
import { goValue } from '../../output/go-value.ts';
import { renderColumns } from '../../output/table.ts';

export const operatorKeyStatus = defineCommand({
  name: 'key-status',
  synopsis: 'Show the encryption key',
  usage: '[options]',
  description: 'Shows the term of the encryption key, when it was installed, and how many values it has encrypted.',
  examples: [{ caption: 'Show the key status:', command: 'operator key-status' }],
  flags: {},
  output: ['format'],
  arguments: { min: 0, max: 0 },
  async run({ connect, printer, ui }) {
    const status = await readKeyStatus(await connect());
    if (printer.format !== 'table') return printer.data(status);
    ui.output(keyStatusTable(status));
    return 0;
  },
});

export async function readKeyStatus(client: Client): Promise<JsonObject> {
  const status = await reporting('Error reading key status', askBare(client, 'GET', 'sys/key-status'));
  const { term = 0, install_time = '', encryptions = 0 } = status;
  return orderKeys({ term, install_time, encryptions }, { term: 0, install_time: '', encryptions: 0 });
}

export function keyStatusTable({ term = 0, install_time = '', encryptions = 0 }: JsonObject): string {
  return renderColumns([
    ['Key Term', goValue(term)],
    ['Install Time', rfc822(goValue(install_time))],
    ['Encryption Count', goValue(encryptions)],
  ]);
}

/** Go's time.RFC822: `24 Nov 26 18:52 UTC`. */
function rfc822(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return text;
  const [, day = '', month = '', year = '', clock = ''] =
    /(\d\d) (\w{3}) \d\d(\d\d) (\d\d:\d\d)/.exec(time.toUTCString()) ?? [];
  return `${day} ${month} ${year} ${clock} UTC`;
}
