import type { CofferError, ErrorCode, JsonObject } from '@coffer/base';
import type { OutgoingResponse } from '@coffer/framework';

/** A status and the JSON to send with it; no body when undefined. */
export interface Rendered {
  readonly status: number;
  readonly body: JsonObject | undefined;
}

const ERROR_STATUS: Readonly<Record<ErrorCode, number>> = {
  'invalid-request': 400,
  'permission-denied': 403,
  'not-found': 404,
  unsupported: 405,
  failed: 500,
  'too-many-requests': 429,
  unavailable: 503,
  sealed: 503,
  internal: 500,
};

/** The status that an answer is sent with. */
export function answerStatus(response: OutgoingResponse | undefined): number {
  return response?.stream === undefined ? renderResponse('', response).status : (response.status ?? 200);
}

/** The status that an error is answered with. */
export function errorStatus(error: CofferError): number {
  return ERROR_STATUS[error.code];
}

/** Vault's envelope, keys in its order (hashicorp/vault:sdk/logical/translate_response.go). */
export function renderResponse(requestId: string, response: OutgoingResponse | undefined): Rendered {
  const body = response === undefined ? undefined : responseBody(requestId, response);
  return { status: response?.status ?? (body === undefined ? 204 : 200), body };
}

function responseBody(requestId: string, response: OutgoingResponse): JsonObject | undefined {
  const data = response.data ?? null;
  if (response.wrapInfo !== undefined) return wrappedBody(response.wrapInfo);
  if (response.shape === 'raw') return data ?? undefined;
  const { lease, auth = null, warnings = [] } = response;
  if ((data ?? lease ?? auth) === null && warnings.length === 0) return undefined;
  const envelope: JsonObject = {
    request_id: requestId,
    ...leaseFields(lease),
    data,
    wrap_info: null,
    warnings: warnings.length === 0 ? null : warnings,
    auth,
  };
  return response.shape === 'flat' ? { ...data, ...envelope } : envelope;
}

/** The answer itself is elsewhere; Vault leaves out even the id of the request. */
function wrappedBody(wrapInfo: JsonObject): JsonObject {
  return { request_id: '', ...leaseFields(undefined), data: null, wrap_info: wrapInfo, warnings: null, auth: null };
}

function leaseFields(lease: OutgoingResponse['lease']): JsonObject {
  if (lease === undefined) return { lease_id: '', renewable: false, lease_duration: 0 };
  return { lease_id: lease.id, renewable: lease.renewable, lease_duration: lease.durationSeconds };
}

/** `internal` shows nothing of its cause; an empty message (a plain "nothing there") gives an empty list, as Vault's 404. */
export function renderError(error: CofferError): Rendered {
  const message = error.code === 'internal' ? 'internal error' : error.message;
  return { status: ERROR_STATUS[error.code], body: { errors: message === '' ? [] : [message] } };
}
