import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { mountPath, trimPath } from '../../path.ts';

export const authDisable = defineCommand({
  name: 'disable',
  synopsis: 'Disable an auth method',
  usage: '[options] PATH',
  description: `
    Disables the auth method at a path (not by its type), and revokes the tokens it has issued. It is not an error if
    there is no auth method at the path.`,
  examples: [{ caption: 'Disable the auth method at auth/userpass/:', command: 'auth disable userpass/' }],
  flags: {},
  arguments: { min: 1, max: 1 },
  async run({ arguments: [argument = ''], connect, ui }) {
    const path = mountPath(trimPath(argument));
    const client = await connect();
    await reporting(`Error disabling auth method at ${path}`, client.delete(`sys/auth/${path}`));
    ui.output(`Success! Disabled the auth method (if it existed) at: ${path}`);
    return 0;
  },
});
