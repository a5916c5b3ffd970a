import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { mountPath, trimPath } from '../../path.ts';

export const auditDisable = defineCommand({
  name: 'disable',
  synopsis: 'Disable an audit device',
  usage: '[options] PATH',
  description: `
    Disables the audit device at a path (not by its type). The log it has written is kept. It is not an error if there
    is no device at the path.`,
  examples: [{ caption: 'Disable the device at file/:', command: 'audit disable file/' }],
  flags: {},
  arguments: { min: 1, max: 1 },
  async run({ arguments: [argument = ''], connect, ui }) {
    const path = mountPath(trimPath(argument));
    const client = await connect();
    await reporting('Error disabling audit device', client.delete(`sys/audit/${path.replace(/\/$/, '')}`));
    ui.output(`Success! Disabled audit device (if it was enabled) at: ${path}`);
    return 0;
  },
});
