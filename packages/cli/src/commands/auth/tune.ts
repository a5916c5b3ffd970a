import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { MOUNT_CONFIG_FLAGS, TOKEN_TYPE_FLAG, tuneBody } from '../../mount-config.ts';
import { printWarningsOf } from '../../output/warnings.ts';
import { mountPath, trimPath } from '../../path.ts';

export const authTune = defineCommand({
  name: 'tune',
  synopsis: 'Change the settings of an auth method',
  usage: '[options] PATH',
  description: 'Changes settings of the auth method at a path. Settings that are not given stay as they are.',
  examples: [{ caption: 'Set how long tokens are valid:', command: 'auth tune -default-lease-ttl=1h userpass/' }],
  flags: { ...MOUNT_CONFIG_FLAGS, ...TOKEN_TYPE_FLAG },
  arguments: { min: 1, max: 1 },
  async run({ arguments: [argument = ''], connect, flags, ui }) {
    const path = mountPath(trimPath(argument));
    const client = await connect();
    const asked = client.request('POST', `sys/mounts/auth/${path}tune`, { body: tuneBody(flags) });
    const answer = await reporting(`Error tuning auth method ${path}`, asked);
    printWarningsOf(ui, answer);
    ui.output(`Success! Tuned the auth method at: ${path}`);
    return 0;
  },
});
