import { formatDuration, type JsonObject, type JsonValue } from '@coffer/base';
import type { AuthResponse, SecretResponse, WrapInfo } from '@coffer/client';
import { ownValue, sortKeys } from './document.ts';
import { goQuotedList, goTime, sortedEntries, tableValue } from './go-value.ts';

/** The envelope as JSON and YAML show it, keys in the order of Vault; `auth` and `wrap_info` only when there is one. */
export function secretDocument(secret: SecretResponse): JsonObject {
  const { auth, wrapInfo } = secret;
  return {
    request_id: secret.requestId,
    lease_id: secret.leaseId,
    lease_duration: secret.leaseDuration,
    renewable: secret.renewable,
    data: sortKeys(secret.data),
    warnings: secret.warnings,
    ...(auth === null ? {} : { auth: authDocument(auth) }),
    ...(wrapInfo === null ? {} : { wrap_info: wrapDocument(wrapInfo) }),
  };
}

function authDocument(auth: AuthResponse): JsonObject {
  return {
    client_token: auth.clientToken,
    accessor: auth.accessor,
    policies: auth.policies,
    token_policies: auth.tokenPolicies,
    identity_policies: auth.identityPolicies,
    metadata: sortKeys(auth.metadata),
    orphan: auth.orphan,
    entity_id: auth.entityId,
    lease_duration: auth.leaseDuration,
    renewable: auth.renewable,
    mfa_requirement: auth.mfaRequirement,
  };
}

function wrapDocument(info: WrapInfo): JsonObject {
  return {
    token: info.token,
    accessor: info.accessor,
    ttl: info.ttl,
    creation_time: info.creationTime,
    creation_path: info.creationPath,
    wrapped_accessor: info.wrappedAccessor,
  };
}

/** The rows of the table for an answer: lease, token, wrapping, data. Empty when there is nothing to show. */
export function secretRows(secret: SecretResponse): string[][] {
  return [
    ...leaseRows(secret),
    ...(secret.auth === null ? [] : authRows(secret.auth)),
    ...(secret.wrapInfo === null ? [] : wrapRows(secret.wrapInfo)),
    ...dataRows(secret.data ?? {}),
  ];
}

/** A row for each key, in order. */
export function dataRows(data: JsonObject): string[][] {
  return sortedEntries<JsonValue>(data).map(([key, value]) => [key, tableValue(key, value)]);
}

function leaseRows({ leaseId, leaseDuration, renewable }: SecretResponse): string[][] {
  if (leaseDuration <= 0) return [];
  // A duration without a lease is advice about when to read again, not something that ends.
  if (leaseId === '') return [['refresh_interval', formatDuration(leaseDuration)]];
  return [
    ['lease_id', leaseId],
    ['lease_duration', formatDuration(leaseDuration)],
    ['lease_renewable', String(renewable)],
  ];
}

function authRows(auth: AuthResponse): string[][] {
  if (auth.mfaRequirement !== null) {
    return [['mfa_request_id', tableValue('', auth.mfaRequirement['mfa_request_id'] ?? '')]];
  }
  return [
    ['token', auth.clientToken],
    ['token_accessor', auth.accessor],
    ['token_duration', auth.leaseDuration === 0 ? '∞' : formatDuration(auth.leaseDuration)],
    ['token_renewable', String(auth.renewable)],
    ['token_policies', goQuotedList(auth.tokenPolicies)],
    ['identity_policies', goQuotedList(auth.identityPolicies)],
    ['policies', goQuotedList(auth.policies)],
    ...sortedEntries<JsonValue>(auth.metadata ?? {}).map(([key, value]) => [
      `token_meta_${key}`,
      tableValue('', value),
    ]),
  ];
}

function wrapRows(info: WrapInfo): string[][] {
  const rows = [
    ['wrapping_token:', info.token],
    ['wrapping_accessor:', info.accessor],
    ['wrapping_token_ttl:', formatDuration(info.ttl)],
    ['wrapping_token_creation_time:', goTime(info.creationTime)],
    ['wrapping_token_creation_path:', info.creationPath],
  ];
  return info.wrappedAccessor === '' ? rows : [...rows, ['wrapped_accessor:', info.wrappedAccessor]];
}

/** The value that -field names: a field of the token or of the wrapping when there is one, else of the lease, else of the data. */
export function secretField(secret: SecretResponse, field: string): JsonValue | undefined {
  const special =
    secret.auth !== null
      ? authFields(secret.auth)
      : secret.wrapInfo !== null
        ? wrapFields(secret.wrapInfo)
        : leaseFields(secret);
  return Object.hasOwn(special, field) ? special[field] : ownValue(secret.data ?? {}, field);
}

function authFields(auth: AuthResponse): JsonObject {
  return {
    token: auth.clientToken,
    token_accessor: auth.accessor,
    token_duration: auth.leaseDuration,
    token_renewable: auth.renewable,
    token_policies: auth.tokenPolicies ?? [],
    identity_policies: auth.identityPolicies ?? [],
    policies: auth.policies ?? [],
  };
}

function wrapFields(info: WrapInfo): JsonObject {
  return {
    wrapping_token: info.token,
    wrapping_accessor: info.accessor,
    wrapping_token_ttl: info.ttl,
    wrapping_token_creation_time: info.creationTime,
    wrapping_token_creation_path: info.creationPath,
    wrapped_accessor: info.wrappedAccessor,
  };
}

function leaseFields(secret: SecretResponse): JsonObject {
  return {
    lease_duration: secret.leaseDuration,
    lease_id: secret.leaseId,
    request_id: secret.requestId,
    renewable: secret.renewable,
    refresh_interval: secret.leaseDuration,
    // Version 2 of the key/value engine nests the secret under a `data` of its own.
    data: secret.data?.['data'] ?? secret.data,
  };
}
