import { defineCommand } from '../command.ts';
import { readDataArguments } from '../data-arguments.ts';
import { reporting, usageFailure } from '../failure.ts';
import { trimPath } from '../path.ts';

export const write = defineCommand({
  name: 'write',
  synopsis: 'Write data, configuration and secrets',
  usage: '[options] PATH [DATA K=V...]',
  description: `
    Writes data to a path. The effect depends on the engine mounted there: it stores the data, changes its configuration, or acts.

    Give data as "key=value". A value of "@file" is read from that file, "-" from stdin, and "\\@" stands for a literal
    "@" at the start. "@file" or "-" without a key reads a JSON object with all of the data. A key given several times
    becomes a list.`,
  examples: [
    {
      caption: 'Configure a database connection:',
      command: 'write database/config/yb plugin_name=ysql-plugin host=127.0.0.1',
    },
    { caption: 'Write to a path that needs no data:', command: 'write -f database/rotate-root/yb' },
    {
      caption: 'Read a value from stdin:',
      before: 'echo $PASSWORD | ',
      command: 'write auth/userpass/users/ana password=-',
    },
  ],
  flags: {
    force: { type: 'boolean', aliases: ['f'], usage: 'Write without data, to a path that needs none.' },
  },
  output: ['field', 'format'],
  arguments: { min: 1 },
  async run({ arguments: [argument = '', ...pairs], connect, flags, printer, stdin }) {
    if (pairs.length === 0 && !flags.force) throw usageFailure('Must supply data or use -force');
    const path = trimPath(argument);
    const data = await reporting('Failed to parse K=V data', readDataArguments(pairs, stdin), 1);
    const client = await connect();
    const secret = await reporting(
      `Error writing data to ${path}`,
      client.write(path, pairs.length === 0 ? null : data),
    );
    if (secret !== undefined) return printer.secret(secret);
    printer.notice(`Success! Data written to: ${path}`);
    return 0;
  },
});
