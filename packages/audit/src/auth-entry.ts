import { createHash } from 'node:crypto';
import { formatTimeSeconds, type JsonObject, type JsonValue } from '@coffer/base';
import type { TokenEntry } from '@coffer/framework';
import type { AuditedRequest, Verdict } from './event.ts';
import type { Words } from './words.ts';

/**
 * `auth` of a line: whose request it is. The token is as it was sent: the entry does not have it.
 * Names and order as in openbao/openbao:internal/audit/format.go, AuditAuth; what is empty is left out.
 */
export function callerEntry(
  {
    request,
    token,
    identityPolicies = [],
    verdict,
  }: Pick<AuditedRequest, 'request' | 'token' | 'identityPolicies' | 'verdict'>,
  words: Words,
): JsonObject {
  const results = verdict && { policy_results: policyResults(verdict) };
  if (token === undefined) return { ...results, token_type: 'default' };
  return filled({
    client_token: words.secret(request.token),
    accessor: words.accessor(token.accessor),
    display_name: token.displayName,
    policies: [...new Set([...token.policies, ...identityPolicies])].sort(),
    token_policies: token.policies,
    identity_policies: identityPolicies,
    ...results,
    metadata: token.meta,
    remaining_uses: token.usesLeft,
    entity_id: token.entityId ?? '',
    token_type: token.type,
    token_ttl: token.creationTtl,
    token_issue_time: formatTimeSeconds(token.creationTime),
  });
}

function policyResults({ allowed, grantingPolicies }: Verdict): JsonObject {
  const granting = grantingPolicies.map((name) => ({ name, namespace_id: 'root', type: 'acl' }));
  return { allowed, ...(granting.length > 0 && { granting_policies: granting }) };
}

/** `auth` of an answer that hands out a token, and, for a login, of the line itself. */
export function grantedEntry(auth: JsonObject, displayName: string | undefined, words: Words): JsonObject {
  const text = (name: string): string => (typeof auth[name] === 'string' ? auth[name] : '');
  return filled({
    client_token: words.secret(text('client_token')),
    accessor: words.accessor(text('accessor')),
    display_name: displayName ?? '',
    policies: auth['policies'] ?? null,
    token_policies: auth['token_policies'] ?? null,
    identity_policies: auth['identity_policies'] ?? null,
    metadata: auth['metadata'] ?? null,
    num_uses: auth['num_uses'] ?? 0,
    entity_id: text('entity_id'),
    token_type: text('token_type'),
    token_ttl: auth['lease_duration'] ?? 0,
  });
}

/**
 * Who is counted as one client: the entity, or without one whoever has the same policies
 * (openbao/openbao:sdk/logical/token.go, CreateClientID; U+007F between the names, U+0000 before the namespace).
 */
export function clientId({ policies, entityId }: TokenEntry): string {
  if (entityId !== undefined) return entityId;
  const text = `${[...policies].sort().join('\x7f')}\0root`;
  return createHash('sha256').update(text).digest('base64');
}

/** Without what is empty, as Go's `omitempty` leaves it out. */
export function filled(entry: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const present = Object.entries(entry).filter(([, value]) => !isEmpty(value));
  return Object.fromEntries(present) as JsonObject;
}

function isEmpty(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
