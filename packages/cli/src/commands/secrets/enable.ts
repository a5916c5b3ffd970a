import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { enableBody, enabledType, FORCE_NO_CACHE_FLAG, MOUNT_ENABLE_FLAGS, versionSuffix } from '../../mount-config.ts';
import { printWarningsOf } from '../../output/warnings.ts';
import { mountPath } from '../../path.ts';

export const secretsEnable = defineCommand({
  name: 'enable',
  synopsis: 'Enable a secrets engine',
  usage: '[options] TYPE',
  description: `
    Enables a secrets engine. The default path is its type. The engine then handles every request under that path.`,
  examples: [
    { caption: 'Enable the database engine at database/:', command: 'secrets enable database' },
    {
      caption: 'Enable another one, with leases of at most 30 minutes:',
      command: 'secrets enable -path=db2 -max-lease-ttl=30m database',
    },
  ],
  flags: { ...MOUNT_ENABLE_FLAGS, ...FORCE_NO_CACHE_FLAG },
  arguments: { min: 1, max: 1 },
  async run({ arguments: [argument = ''], connect, flags, ui }) {
    const type = enabledType(argument, flags);
    const path = mountPath(flags.path || type);
    const client = await connect();
    const body = enableBody(type, flags, flags['force-no-cache']);
    const answer = await reporting('Error enabling', client.request('POST', `sys/mounts/${path}`, { body }));
    printWarningsOf(ui, answer);
    ui.output(`Success! Enabled the ${type} secrets engine${versionSuffix(flags)} at: ${path}`);
    return 0;
  },
});
