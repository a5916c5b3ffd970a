import { formatGoDuration } from '@coffer/base';
import { parseSecretResponse } from '@coffer/client';
import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';

const LIFETIME = 'Given as seconds or with a unit, like "30s", "5m" or "1h30m".';

export const tokenCreate = defineCommand({
  name: 'create',
  synopsis: 'Create a token',
  usage: '[options]',
  description: `
    Creates a token as a child of the one in use. When the parent is revoked or expires, so is the child, unless it is
    an orphan. Without -policy, it gets the policies of its parent. Settings of -role override the other flags.`,
  examples: [{ caption: 'Create a token for an hour:', command: 'token create -ttl=1h -policy=my-policy' }],
  flags: {
    id: { type: 'string', usage: 'The value of the token. Default: random. Requires a root token.' },
    'display-name': {
      type: 'string',
      usage: 'A name for the token, which appears in the user names of credentials. It is not secret.',
    },
    ttl: { type: 'duration', usage: `TTL of the token. ${LIFETIME}` },
    'explicit-max-ttl': { type: 'duration', usage: `Hard maximum TTL, including renewals. ${LIFETIME}` },
    period: {
      type: 'duration',
      usage: `Makes the token periodic: each renewal resets its TTL to this period, without a maximum. Requires sudo. ${LIFETIME}`,
    },
    renewable: { type: 'boolean', default: true, usage: 'Whether the token can be renewed, up to its maximum TTL.' },
    orphan: { type: 'boolean', usage: 'Make the token an orphan, which outlives the token in use. Requires sudo.' },
    'no-default-policy': { type: 'boolean', usage: 'Do not add the policy "default".' },
    'use-limit': { type: 'integer', usage: 'Number of times that the token can be used. Default: no limit.' },
    role: { type: 'string', usage: 'The token role to use.' },
    type: { type: 'string', default: 'service', usage: 'Either "service" or "batch".' },
    metadata: {
      type: 'map',
      usage: 'Metadata as key=value, shown when the token is looked up. Can be given several times.',
    },
    policy: { type: 'list', usage: 'A policy for the token. Can be given several times.' },
    'entity-alias': { type: 'string', usage: 'The entity alias to create the token for. Only with -role.' },
  },
  output: ['field', 'format'],
  arguments: { min: 0, max: 0 },
  async run({ connect, flags, printer }) {
    const body = {
      ...(flags.id === undefined ? {} : { id: flags.id }),
      ...(flags.policy.length === 0 ? {} : { policies: flags.policy }),
      ...(flags.metadata === undefined ? {} : { meta: flags.metadata }),
      ttl: formatGoDuration(flags.ttl ?? 0),
      explicit_max_ttl: formatGoDuration(flags['explicit-max-ttl'] ?? 0),
      period: formatGoDuration(flags.period ?? 0),
      ...(flags.orphan ? { no_parent: true } : {}),
      ...(flags['no-default-policy'] ? { no_default_policy: true } : {}),
      display_name: flags['display-name'] ?? '',
      num_uses: flags['use-limit'] ?? 0,
      renewable: flags.renewable && flags.type !== 'batch',
      type: flags.type,
      entity_alias: flags['entity-alias'] ?? '',
    };
    const client = await connect();
    const path = flags.role === undefined ? 'auth/token/create' : `auth/token/create/${flags.role}`;
    const { body: answer } = await reporting('Error creating token', client.request('POST', path, { body }));
    const secret = parseSecretResponse(answer);
    return secret === undefined ? 0 : printer.secret(secret);
  },
});
