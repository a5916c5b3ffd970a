import { defineCommand } from '../../command.ts';
import { moveMount } from '../../mount-move.ts';

export const secretsMove = defineCommand({
  name: 'move',
  synopsis: 'Move a secrets engine to another path',
  usage: '[options] SOURCE DESTINATION',
  description: `
    Moves a secrets engine and its configuration to another path, and waits until the move is done. Its leases are revoked.`,
  examples: [{ caption: 'Move the engine at database/ to db/:', command: 'secrets move database/ db/' }],
  flags: {},
  arguments: { min: 2, max: 2 },
  async run({ arguments: [source = '', destination = ''], connect, ui }) {
    return moveMount(await connect(), ui, 'secrets engine', source, destination);
  },
});
