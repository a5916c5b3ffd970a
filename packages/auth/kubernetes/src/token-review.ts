import { CofferError, isJsonObject, type JsonObject, type JsonValue, type Secret } from '@coffer/base';
import { fetchJson } from '@coffer/jwt-keys';
import type { ApiServer } from './config-entry.ts';
import type { ServiceAccount } from './service-account.ts';

const PATH = '/apis/authentication.k8s.io/v1/tokenreviews';

/**
 * Asks the API server whether a token is one of its own, now: the service account, its pod and its secret must still be there
 * (https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/). Who the server says it is must be
 * whom the token names.
 *
 * @throws CofferError `failed` with the reason, for the log
 */
export async function reviewToken(
  server: ApiServer,
  token: Secret,
  account: ServiceAccount,
  audiences: readonly string[],
): Promise<void> {
  const answer = await fetchJson(`${server.host.replace(/\/$/, '')}${PATH}`, {
    ca: server.ca,
    headers: {
      Authorization: `Bearer ${(server.reviewer ?? token).reveal()}`,
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({
      kind: 'TokenReview',
      apiVersion: 'authentication.k8s.io/v1',
      spec: { token: token.reveal(), ...(audiences.length > 0 && { audiences }) },
    }),
    accept: [200, 201],
  });
  checkStatus(isJsonObject(answer['status']) ? answer['status'] : {}, account, audiences);
}

function checkStatus(status: JsonObject, account: ServiceAccount, wanted: readonly string[]): void {
  if (status['error'] !== undefined && status['error'] !== '')
    throw failed('the API server could not review the token');
  if (status['authenticated'] !== true) throw failed('service account jwt not valid');
  const audiences = listOf(status['audiences']);
  // A server that knows nothing of audiences has not looked at them.
  if (wanted.length > 0 && !wanted.some((audience) => audiences.includes(audience))) {
    throw failed('service account jwt valid for other audiences than those wanted');
  }
  const user = isJsonObject(status['user']) ? status['user'] : {};
  if (user['username'] !== `system:serviceaccount:${account.namespace}:${account.name}`) {
    throw failed('the username returned is not that of the service account');
  }
  if (user['uid'] !== account.uid) throw failed('JWT UIDs did not match');
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}

function failed(reason: string): CofferError {
  return new CofferError('failed', `lookup failed: ${reason}`);
}
