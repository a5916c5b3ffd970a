import { CofferError, isJsonObject, type JsonValue } from '@coffer/base';
import { globMatches, MAX_NAME_LENGTH } from '@coffer/framework';
import type { Claims } from '@coffer/jwt-keys';
import type { RoleEntry } from './role-entry.ts';

/** Whom the token of a service account names. */
export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Of the older tokens, which are kept in a secret; empty for projected ones. */
  readonly secretName: string;
}

const OLDER = 'kubernetes.io/serviceaccount/';

/**
 * Reads the claims of either kind of token: a projected one has an object `kubernetes.io`, an older one has claims with long names.
 * @throws CofferError `permission-denied` for what is neither
 */
export function serviceAccountOf(claims: Claims): ServiceAccount {
  const projected = claims['kubernetes.io'];
  if (isJsonObject(projected)) {
    const account = isJsonObject(projected['serviceaccount']) ? projected['serviceaccount'] : {};
    return complete({
      namespace: text(projected['namespace']),
      name: text(account['name']),
      uid: text(account['uid']),
      secretName: '',
    });
  }
  return complete({
    namespace: text(claims[`${OLDER}namespace`]),
    name: text(claims[`${OLDER}service-account.name`]),
    uid: text(claims[`${OLDER}service-account.uid`]),
    secretName: text(claims[`${OLDER}secret.name`]),
  });
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' && value.length <= MAX_NAME_LENGTH ? value : '';
}

function complete(account: ServiceAccount): ServiceAccount {
  if (account.uid === '') throw denied('could not parse UID from claims');
  if (account.namespace === '' || account.name === '') {
    throw denied('service account namespace and name must be set');
  }
  return account;
}

/** @throws CofferError `permission-denied` where the role is not for this service account */
export function checkAllowed({ name, namespace }: ServiceAccount, role: RoleEntry): void {
  if (!role.names.some((pattern) => globMatches(pattern, name))) throw denied('service account name not authorized');
  if (!role.namespaces.some((pattern) => globMatches(pattern, namespace))) throw denied('namespace not authorized');
}

function denied(message: string): CofferError {
  return new CofferError('permission-denied', message);
}
