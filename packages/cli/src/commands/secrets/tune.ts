import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { MOUNT_CONFIG_FLAGS, tuneBody } from '../../mount-config.ts';
import { printWarningsOf } from '../../output/warnings.ts';
import { mountPath, trimPath } from '../../path.ts';

export const secretsTune = defineCommand({
  name: 'tune',
  synopsis: 'Change the settings of a secrets engine',
  usage: '[options] PATH',
  description: 'Changes settings of the secrets engine at a path. Settings that you leave out keep their values.',
  examples: [{ caption: 'Set the maximum TTL of leases:', command: 'secrets tune -max-lease-ttl=4h database/' }],
  flags: MOUNT_CONFIG_FLAGS,
  arguments: { min: 1, max: 1 },
  async run({ arguments: [argument = ''], connect, flags, ui }) {
    const path = mountPath(trimPath(argument));
    const client = await connect();
    const asked = client.request('POST', `sys/mounts/${path}tune`, { body: tuneBody(flags) });
    const answer = await reporting(`Error tuning secrets engine ${path}`, asked);
    printWarningsOf(ui, answer);
    ui.output(`Success! Tuned the secrets engine at: ${path}`);
    return 0;
  },
});
