import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { mountPath, trimPath } from '../../path.ts';

export const secretsDisable = defineCommand({
  name: 'disable',
  synopsis: 'Disable a secrets engine',
  usage: '[options] PATH',
  description: `
    Disables the secrets engine at a path (not by its type). Its leases are revoked, and its data is deleted. It is
    not an error if there is no engine at the path.`,
  examples: [{ caption: 'Disable the engine at database/:', command: 'secrets disable database/' }],
  flags: {},
  arguments: { min: 1, max: 1 },
  async run({ arguments: [argument = ''], connect, ui }) {
    const path = mountPath(trimPath(argument));
    const client = await connect();
    await reporting(`Error disabling secrets engine at ${path}`, client.delete(`sys/mounts/${path}`));
    ui.output(`Success! Disabled the secrets engine (if it existed) at: ${path}`);
    return 0;
  },
});
