import { CofferError } from '@coffer/base';
import { foldsNames, type MountTable, type Quotas, type RateLimitRule } from '@coffer/core';
import { definePath, foldName, MAX_NAME_LENGTH, MAX_PATH_LENGTH, type Path } from '@coffer/framework';

/** In seconds: whoever is over a rate is told when to come back, and may do so within a day. */
const LONGEST_INTERVAL = 86_400;
const MAX_EXEMPT_PATHS = 1_000;

const RULE_FIELDS = {
  name: { type: 'string', required: true, description: 'The name of the quota.' },
  type: { type: 'string', default: 'rate-limit', description: 'Always "rate-limit".' },
  path: {
    type: 'string',
    default: '',
    description:
      'What it limits: a mount ("database/"), a path below one ("auth/userpass/login/ana"), all paths with a prefix ("database/creds/*"), or everything when empty.',
  },
  role: {
    type: 'string',
    default: '',
    description: 'Limits only logins with this role of the auth method at the path.',
  },
  rate: { type: 'number', default: 0, description: 'Number of requests that one client may make in an interval.' },
  interval: { type: 'duration', default: 1, description: 'Length of an interval.' },
  block_interval: {
    type: 'duration',
    default: 0,
    description: 'How long a client that exceeded its rate is refused altogether.',
  },
  inheritable: { type: 'boolean', description: 'Accepted as Vault does; there are no namespaces to inherit it.' },
  group_by: { type: 'string', default: '', description: 'How clients are told apart: only "ip".' },
} as const;

/** `sys/quotas/config`, `sys/quotas/rate-limit` (LIST), `sys/quotas/rate-limit/:name`. */
export function quotasPaths(quotas: Quotas, mounts: MountTable): Path[] {
  return [
    definePath({
      pattern: 'quotas/config',
      fields: {
        rate_limit_exempt_paths: {
          type: 'comma-strings',
          description: 'Paths that no quota limits. A path that ends in a slash covers everything under it.',
        },
        enable_rate_limit_audit_logging: {
          type: 'boolean',
          description: 'Whether audit devices get a line for a request that a quota refuses.',
        },
        enable_rate_limit_response_headers: {
          type: 'boolean',
          description: 'Whether responses show what is left of a rate (X-Ratelimit-Limit, -Remaining, -Reset).',
        },
      },
      synopsis: 'Settings of all quotas. A field that is left out gets its zero value, as in Vault.',
      read: async () => {
        const { auditsRefusals, sendsHeaders, exemptPaths } = quotas.config;
        return {
          data: {
            enable_rate_limit_audit_logging: auditsRefusals,
            enable_rate_limit_response_headers: sendsHeaders,
            rate_limit_exempt_paths: exemptPaths,
          },
        };
      },
      write: async ({ fields }) => {
        await quotas.putConfig({
          auditsRefusals: fields.enable_rate_limit_audit_logging ?? false,
          sendsHeaders: fields.enable_rate_limit_response_headers ?? false,
          exemptPaths: exemptPaths(fields.rate_limit_exempt_paths ?? []),
        });
        return undefined;
      },
    }),
    definePath({
      pattern: 'quotas/rate-limit',
      fields: {},
      synopsis: 'Lists the rate limit quotas.',
      list: async () => ({ data: { keys: quotas.list() } }),
    }),
    definePath({
      pattern: 'quotas/rate-limit/:name',
      fields: RULE_FIELDS,
      synopsis: 'Limits how often one client may request a path.',
      description:
        'Only the most specific quota applies: role, path, longest prefix, mount, everything. A client is an address, or a /64 of IPv6. ' +
        'Each node counts separately. Beyond the rate, the answer is 429 with Retry-After.',
      read: async ({ fields }) => {
        const rule = quotas.get(fields.name);
        return rule && { data: ruleView(rule) };
      },
      write: async ({ fields }) => {
        const { name, rate, interval, block_interval: blockInterval, role } = fields;
        if (fields.type !== 'rate-limit') throw wrong('"type" must be "rate-limit": there are no other quotas');
        if (!['', 'ip'].includes(fields.group_by)) {
          throw wrong('"group_by" must be "ip": clients are identified by address');
        }
        if (!(rate > 0)) throw wrong("'rate' is invalid");
        if (interval > LONGEST_INTERVAL || blockInterval > LONGEST_INTERVAL) {
          throw wrong('"interval" and "block_interval" must not be longer than a day');
        }
        const place = placeOf(mounts, fields.path);
        if (role !== '') checkRole(mounts, place);
        const inheritable = fields.inheritable ?? place.mountPath === '';
        await quotas.put({ name, ...place, role, rate, interval: interval || 1, blockInterval, inheritable });
        return undefined;
      },
      delete: async ({ fields }) => {
        await quotas.delete(fields.name);
        return undefined;
      },
    }),
  ];
}

function ruleView({ name, mountPath, pathSuffix, role, rate, interval, blockInterval, inheritable }: RateLimitRule) {
  return {
    type: 'rate-limit',
    name,
    path: mountPath + pathSuffix,
    role,
    rate,
    interval,
    block_interval: blockInterval,
    inheritable,
  };
}

type Place = Pick<RateLimitRule, 'mount' | 'mountPath' | 'pathSuffix'>;

/** @throws CofferError `invalid-request` in Vault's words when nothing is mounted there */
function placeOf(mounts: MountTable, given: string): Place {
  if (given.length > MAX_PATH_LENGTH) throw wrong(`"path" is longer than ${MAX_PATH_LENGTH} characters`);
  const path = given.replace(/^\/+/, '');
  if (path === '') return { mountPath: '', pathSuffix: '' };
  const whole = path.endsWith('/') ? path : `${path}/`;
  const found = mounts.route(whole)?.mount;
  if (found === undefined) throw wrong(`invalid mount path ${JSON.stringify(whole)}`);
  const { uuid: mount, path: mountPath } = found;
  const suffix = whole.slice(mountPath.length, -1);
  if (suffix.slice(0, -1).includes('*')) throw wrong('"path" may have one "*", at its end');
  return { mount, mountPath, pathSuffix: foldsNames(mounts, mountPath + suffix) ? foldName(suffix) : suffix };
}

function checkRole(mounts: MountTable, { mountPath, pathSuffix }: Place): void {
  if (pathSuffix !== '') {
    throw wrong(
      'Quotas cannot contain both a path suffix and a role. If a role is provided, path must be a valid auth mount with a concept of roles',
    );
  }
  const quoted = JSON.stringify(mountPath);
  if (!mountPath.startsWith('auth/')) {
    throw wrong(
      `Mount path ${quoted} is not a valid auth method and therefore unsuitable for use with role-based quotas`,
    );
  }
  const knowsRoles = mounts.route(mountPath)?.engine.paths.some((path) => path.loginRole !== undefined) ?? false;
  if (!knowsRoles) throw wrong(`Mount path ${quoted} does not support use with role-based quotas`);
}

function exemptPaths(given: readonly string[]): readonly string[] {
  if (given.length > MAX_EXEMPT_PATHS || given.some((path) => path.length > MAX_NAME_LENGTH)) {
    throw wrong(
      `"rate_limit_exempt_paths" may have ${MAX_EXEMPT_PATHS} paths of ${MAX_NAME_LENGTH} characters at most`,
    );
  }
  return given.map((path) => path.replace(/^\/+/, ''));
}

function wrong(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
