import type { JsonObject } from '@coffer/base';
import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { MOUNT_CONFIG_FLAGS, TOKEN_TYPE_FLAG, tuneBody, tunedSeconds } from '../../mount-config.ts';
import { printWarningsOf } from '../../output/warnings.ts';
import type { FlagDefinitions, FlagValues } from '../../flags.ts';
import { mountPath, trimPath } from '../../path.ts';

const LOCKOUT_FLAGS = {
  'user-lockout-threshold': {
    type: 'integer',
    usage: 'Number of failed logins in a row after which a user is locked out.',
  },
  'user-lockout-duration': { type: 'duration', usage: 'How long a user stays locked out.' },
  'user-lockout-counter-reset-duration': { type: 'duration', usage: 'Time after which failed logins no longer count.' },
  'user-lockout-disable': { type: 'string', bare: 'true', usage: 'Disable lockout. With =false, enable it.' },
} as const satisfies FlagDefinitions;

/** Only what was given (hashicorp/vault:command/auth_tune.go). */
function lockoutBody(flags: FlagValues<typeof LOCKOUT_FLAGS>): JsonObject {
  const { 'user-lockout-threshold': threshold, 'user-lockout-duration': duration } = flags;
  const reset = flags['user-lockout-counter-reset-duration'];
  const disable = flags['user-lockout-disable'];
  const config = {
    ...(threshold !== undefined && { lockout_threshold: String(threshold) }),
    ...(duration !== undefined && { lockout_duration: tunedSeconds(duration) }),
    ...(reset !== undefined && { lockout_counter_reset_duration: tunedSeconds(reset) }),
    ...(disable !== undefined && { lockout_disable: disable }),
  };
  return Object.keys(config).length === 0 ? {} : { user_lockout_config: config };
}

export const authTune = defineCommand({
  name: 'tune',
  synopsis: 'Change the settings of an auth method',
  usage: '[options] PATH',
  description: 'Changes settings of the auth method at a path. Settings that you leave out keep their values.',
  examples: [{ caption: 'Set the default TTL of tokens:', command: 'auth tune -default-lease-ttl=1h userpass/' }],
  flags: { ...MOUNT_CONFIG_FLAGS, ...TOKEN_TYPE_FLAG, ...LOCKOUT_FLAGS },
  arguments: { min: 1, max: 1 },
  async run({ arguments: [argument = ''], connect, flags, ui }) {
    const path = mountPath(trimPath(argument));
    const client = await connect();
    const asked = client.request('POST', `sys/mounts/auth/${path}tune`, {
      body: { ...tuneBody(flags), ...lockoutBody(flags) },
    });
    const answer = await reporting(`Error tuning auth method ${path}`, asked);
    printWarningsOf(ui, answer);
    ui.output(`Success! Tuned the auth method at: ${path}`);
    return 0;
  },
});
