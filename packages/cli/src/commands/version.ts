import { defineCommand } from '../command.ts';

export const version = defineCommand({
  name: 'version',
  synopsis: 'Print the version of this program',
  usage: '',
  description:
    'Prints the version of this program. The version of the server is part of "status". Arguments are ignored.',
  flags: {},
  http: false,
  arguments: { min: 0 },
  async run({ ui, version: number }) {
    ui.output(`Coffer ${number}`);
    return 0;
  },
});
