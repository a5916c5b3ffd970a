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
    Creates a token as a child of the one in use: it ends when its parent does, if not before, unless it is an orphan.
    Without -policy it gets the policies of its parent. What a -role sets takes precedence over the other flags.`,
  examples: [{ caption: 'Create a token for an hour:', command: 'token create -ttl=1h -policy=my-policy' }],
  flags: {
    id: { type: 'string', usage: 'The token itself, instead of a random one. Requires a root token.' },
    'display-name': {
      type: 'string',
      usage: 'A name for the token, which shows in the names of credentials. It is not a secret.',
    },
    ttl: { type: 'duration', usage: `How long the token is valid if it is not renewed. ${LIFETIME}` },
    'explicit-max-ttl': { type: 'duration', usage: `The longest it can be valid, renewed or not. ${LIFETIME}` },
    period: {
      type: 'duration',
      usage: `Makes a periodic token: each renewal extends it by this much, without a maximum. Requires sudo. ${LIFETIME}`,
    },
    renewable: { type: 'boolean', default: true, usage: 'The token can be renewed, up to its maximum.' },
    orphan: { type: 'boolean', usage: 'The token has no parent, and does not end with one. Requires sudo.' },
    'no-default-policy': { type: 'boolean', usage: 'Leave out the policy "default".' },
    'use-limit': { type: 'integer', usage: 'How many times the token can be used. Default: no limit.' },
    role: { type: 'string', usage: 'The token role to create it with.' },
    type: { type: 'string', default: 'service', usage: 'Either "service" or "batch".' },
    metadata: {
      type: 'map',
      usage: 'Data as key=value that shows when the token is looked up. Can be given several times.',
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
