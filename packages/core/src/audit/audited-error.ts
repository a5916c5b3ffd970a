import type { AuditedRequest, AuditedResponse } from '@coffer/audit';
import { CofferError } from '@coffer/base';
import { multiError } from '@coffer/framework';

/**
 * What a line says of an error. Its kind is in the open. The text of an error of the caller's may repeat what they have sent, so
 * it is data, and hashed (hashicorp/vault:vault/request_handling.go: an error response with `invalid request`).
 */
export function ofError(thrown: unknown, { token }: AuditedRequest): AuditedResponse {
  const { code, message } = CofferError.from(thrown);
  switch (code) {
    case 'invalid-request':
    case 'too-many-requests':
      return { error: token === undefined ? 'invalid request' : multiError(['invalid request']), errorText: message };
    case 'permission-denied':
      return { error: multiError(['permission denied']), errorText: message };
    case 'not-found':
      return message === '' ? {} : { error: multiError(['unsupported path']), errorText: message };
    case 'unsupported':
      return { error: multiError(['unsupported operation']), errorText: message };
    case 'internal':
      return { error: multiError(['internal error']) };
    case 'failed':
    case 'unavailable':
    case 'sealed':
      return { error: message };
  }
}
