import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { enableBody, enabledType, MOUNT_ENABLE_FLAGS, TOKEN_TYPE_FLAG, versionSuffix } from '../../mount-config.ts';
import { printWarningsOf } from '../../output/warnings.ts';
import { mountPath } from '../../path.ts';

export const authEnable = defineCommand({
  name: 'enable',
  synopsis: 'Enable an auth method',
  usage: '[options] TYPE',
  description: 'Enables an auth method under auth/. The default path is its type.',
  examples: [
    { caption: 'Enable userpass at auth/userpass/:', command: 'auth enable userpass' },
    { caption: 'Enable another one at auth/people/:', command: 'auth enable -path=people userpass' },
  ],
  flags: { ...MOUNT_ENABLE_FLAGS, ...TOKEN_TYPE_FLAG },
  arguments: { min: 1, max: 1 },
  async run({ arguments: [argument = ''], connect, flags, ui }) {
    const type = enabledType(argument, flags);
    const path = mountPath(flags.path || type);
    const client = await connect();
    const asked = client.request('POST', `sys/auth/${path}`, { body: enableBody(type, flags) });
    const answer = await reporting(`Error enabling ${type} auth`, asked);
    printWarningsOf(ui, answer);
    ui.output(`Success! Enabled ${type} auth method${versionSuffix(flags)} at: ${path}`);
    return 0;
  },
});
