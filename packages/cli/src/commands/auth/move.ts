import { defineCommand } from '../../command.ts';
import { moveMount } from '../../mount-move.ts';

export const authMove = defineCommand({
  name: 'move',
  synopsis: 'Move an auth method to another path',
  usage: '[options] SOURCE DESTINATION',
  description: `
    Moves an auth method and its configuration to another path, and waits until the move is done. Both paths start
    with auth/. The tokens it has issued are revoked.`,
  examples: [
    { caption: 'Move the method at auth/userpass/ to auth/people/:', command: 'auth move auth/userpass/ auth/people/' },
  ],
  flags: {},
  arguments: { min: 2, max: 2 },
  async run({ arguments: [source = '', destination = ''], connect, ui }) {
    return moveMount(await connect(), ui, 'auth method', source, destination);
  },
});
