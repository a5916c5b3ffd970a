import { defineCommand } from '../../command.ts';
import { tokenOf } from '../../connection.ts';

export const printToken = defineCommand({
  name: 'token',
  synopsis: 'Print the token in use',
  usage: '',
  description:
    'Prints the token that other commands send: VAULT_TOKEN, or otherwise the token stored by the last login.',
  flags: {},
  arguments: { min: 0 },
  async run({ connect, ui }) {
    ui.output(tokenOf(await connect()));
    return 0;
  },
});
