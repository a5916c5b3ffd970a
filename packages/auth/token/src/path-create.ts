import { CofferError, type JsonObject } from '@coffer/base';
import {
  type CoreServices,
  DEFAULT_POLICY,
  definePath,
  type FieldValues,
  grantTtl,
  type Path,
  type PathRequest,
  type PathResponse,
  ROOT_POLICY,
  type TokenEntry,
  type TtlLimits,
} from '@coffer/core';
import { authView } from './token-view.ts';

const FIELDS = {
  id: { type: 'string', description: 'The token itself; root tokens only. Made when absent.' },
  policies: { type: 'comma-strings', description: 'Policies; those of the creating token when absent.' },
  ttl: { type: 'duration', default: 0, description: 'TTL; the default when 0.' },
  lease: { type: 'duration', default: 0, description: 'Older spelling of ttl.' },
  explicit_max_ttl: { type: 'duration', default: 0, description: 'A ceiling that no renewal passes.' },
  period: { type: 'duration', default: 0, description: 'Makes the token periodic; needs sudo.' },
  num_uses: { type: 'integer', default: 0, description: 'How often it may be used; 0 for no limit.' },
  renewable: { type: 'boolean', default: true, description: 'Whether it can be renewed.' },
  no_parent: { type: 'boolean', default: false, description: 'Makes an orphan; needs sudo.' },
  no_default_policy: { type: 'boolean', default: false, description: 'Leaves the default policy out.' },
  display_name: { type: 'string', default: '', description: 'Shows in user names: token-NAME.' },
  meta: { type: 'object', description: 'Key/value pairs that the lookup shows.' },
  type: { type: 'string', default: 'service', description: 'Only service tokens are made.' },
  entity_alias: { type: 'string', default: '', description: 'Not supported: there are no entities.' },
} as const;
type Fields = FieldValues<typeof FIELDS>;

/** `auth/token/create`, `auth/token/create-orphan`. */
export function createPaths(services: CoreServices, ttlLimits: () => readonly TtlLimits[]): Path[] {
  const create =
    (orphan: boolean) =>
    async (request: PathRequest<typeof FIELDS>): Promise<PathResponse> => {
      const parent = request.token;
      if (parent === undefined) throw new CofferError('permission-denied', 'permission denied');
      const sudo = (await services.aclOf(parent)).allows('update', 'auth/token/create', {}, true);
      checkValues(request.fields);
      checkRights(request.fields, parent, sudo);
      return issue(services, ttlLimits(), request.fields, parent, orphan || request.fields.no_parent);
    };
  return [
    definePath({
      pattern: 'create',
      fields: FIELDS,
      synopsis: 'Makes a child of the calling token.',
      write: create(false),
    }),
    definePath({
      pattern: 'create-orphan',
      fields: FIELDS,
      sudo: true,
      synopsis: 'Makes a token without a parent: it outlives the calling one.',
      write: create(true),
    }),
  ];
}

function refuse(message: string): never {
  throw new CofferError('invalid-request', message);
}

function checkValues(fields: Fields): void {
  if (fields.type !== 'service' && fields.type !== '') {
    refuse(`field "type": ${JSON.stringify(fields.type)} tokens are not supported; use "service"`);
  }
  if (fields.entity_alias !== '') refuse('field "entity_alias": there are no entities; leave it out');
  if (fields.num_uses < 0) refuse('number of uses cannot be negative');
  if (fields.id !== undefined && /[\s/.]/.test(fields.id))
    refuse('field "id": a token id has no spaces, slashes or dots');
}

/** What needs the root policy, or sudo on this path. */
function checkRights(fields: Fields, parent: TokenEntry, sudo: boolean): void {
  if (parent.numUses > 0) refuse('restricted use token cannot generate child tokens');
  const root = parent.policies.includes(ROOT_POLICY);
  if (fields.id !== undefined && !root) refuse('root token required to specify token id');
  if (fields.no_parent && !sudo) refuse('root or sudo privileges required to create orphan token');
  if (fields.period > 0 && !sudo) refuse('root or sudo privileges required to create periodic token');
  const wanted = fields.policies ?? [];
  if (wanted.includes(ROOT_POLICY) && !root) refuse('root tokens may not be created without parent token being root');
  const foreign = wanted.filter((name) => name !== DEFAULT_POLICY && !parent.policies.includes(name.toLowerCase()));
  if (foreign.length > 0 && !sudo) refuse('child policies must be subset of parent');
}

async function issue(
  services: CoreServices,
  limits: readonly TtlLimits[],
  fields: Fields,
  parent: TokenEntry,
  orphan: boolean,
): Promise<PathResponse> {
  const policies = policiesOf(fields, parent);
  const now = Date.now();
  const asked = fields.ttl || fields.lease;
  // A root token without a TTL never expires, unless its parent does.
  const endless = policies.includes(ROOT_POLICY) && asked === 0 && fields.period === 0 && parent.expireTime === null;
  const { ttl, warnings } = endless
    ? { ttl: 0, warnings: [] }
    : grantTtl({
        increment: fields.period || asked,
        limits: [{ defaultTtl: 0, maxTtl: fields.explicit_max_ttl }, ...limits],
        issueTime: now,
        now,
      });
  const { token, entry } = await services.tokens.create({
    ...(fields.id !== undefined && { token: fields.id }),
    parent: orphan ? '' : parent.id,
    displayName: fields.display_name === '' ? 'token' : `token-${fields.display_name}`,
    policies,
    path: 'auth/token/create',
    meta: metaOf(fields.meta),
    creationTime: now,
    creationTtl: ttl,
    expireTime: endless ? null : now + ttl * 1000,
    explicitMaxTtl: fields.explicit_max_ttl,
    period: fields.period,
    numUses: fields.num_uses,
    renewable: !endless && fields.renewable,
  });
  return { data: null, auth: authView(entry, token.reveal(), ttl), warnings };
}

function policiesOf(fields: Fields, parent: TokenEntry): string[] {
  const names = (fields.policies ?? parent.policies).map((name) => name.toLowerCase());
  if (names.includes(ROOT_POLICY)) return [ROOT_POLICY];
  const withDefault = fields.no_default_policy ? names : [...names, DEFAULT_POLICY];
  return [...new Set(withDefault)].sort();
}

function metaOf(meta: JsonObject | undefined): Record<string, string> | null {
  if (meta === undefined) return null;
  return Object.fromEntries(
    Object.entries(meta).map(([key, value]) => {
      if (typeof value !== 'string')
        throw new CofferError('invalid-request', `field "meta": "${key}" must be a string`);
      return [key, value];
    }),
  );
}
