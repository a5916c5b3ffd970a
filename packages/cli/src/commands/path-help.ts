import { isJsonObject } from '@coffer/base';
import { defineCommand } from '../command.ts';
import { reporting, serverFailure } from '../failure.ts';
import { trimPath } from '../path.ts';

export const pathHelp = defineCommand({
  name: 'path-help',
  synopsis: 'Show the help of an API path',
  usage: '[options] PATH',
  description: `
    Shows what a path does and which fields it takes. With -format=json, it prints an OpenAPI document if the server
    has one for each path. Coffer has one for all paths, at sys/internal/specs/openapi.`,
  examples: [
    { caption: 'What is mounted at database/?', command: 'path-help database/' },
    { caption: 'Which fields does a role have?', command: 'path-help database/roles/x' },
  ],
  flags: {},
  output: ['format'],
  arguments: { min: 1, max: 1 },
  async run({ arguments: [argument = ''], connect, printer, ui }) {
    const client = await connect();
    const asked = client.request('GET', trimPath(argument), { query: { help: '1' } });
    const { body } = await reporting('Error retrieving help', asked);
    const help = isJsonObject(body) ? body : {};
    if (printer.format === 'json') {
      ui.output(JSON.stringify(help['openapi'] ?? null));
      return 0;
    }
    if (typeof help['help'] !== 'string')
      throw serverFailure(`Error retrieving help: the answer for ${argument} holds none`);
    ui.output(help['help']);
    return 0;
  },
});
