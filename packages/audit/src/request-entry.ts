import { X509Certificate } from 'node:crypto';
import { BUILTIN_VERSION, formatTime, type JsonObject } from '@coffer/base';
import type { Mount } from '@coffer/framework';
import { callerEntry, clientId, filled } from './auth-entry.ts';
import { type AuditedHeaders, headersEntry } from './headers.ts';
import type { AuditedRequest } from './event.ts';
import type { Words } from './words.ts';

/** The line that is written before anything is done (openbao/openbao:internal/audit/format.go, AuditRequestEntry). */
export async function requestEntry(event: AuditedRequest, words: Words, headers: AuditedHeaders): Promise<JsonObject> {
  return filled({
    time: formatTime(Date.now()),
    type: 'request',
    auth: callerEntry(event, words),
    request: await askedEntry(event, words, headers),
    error: event.error,
  });
}

/** `request` of both lines. */
export async function askedEntry(event: AuditedRequest, words: Words, headers: AuditedHeaders): Promise<JsonObject> {
  const { request, operation, mount, token } = event;
  const data = await words.data(request.data, mount?.config.audit_non_hmac_request_keys);
  return filled({
    id: request.id,
    client_id: token && clientId(token),
    operation,
    ...mountEntry(mount, 'mount_running_version'),
    client_token: words.secret(request.token),
    client_token_accessor: token && words.accessor(token.accessor),
    namespace: { id: 'root' },
    path: request.path,
    data,
    remote_address: request.remoteAddress,
    remote_port: request.remotePort,
    wrap_ttl: request.wrapTtl,
    headers: headersEntry(request.headers, headers, words.hash),
    client_certificate_serial_number: serialNumber(request.clientCertificates),
  });
}

/** Of both halves of a line. Vault names the version differently in each. */
export function mountEntry(
  mount: Mount | undefined,
  versionName: 'mount_running_version' | 'mount_running_plugin_version',
): JsonObject {
  if (mount === undefined) return {};
  const { path, type, accessor } = mount;
  return {
    mount_point: path,
    mount_type: type,
    mount_accessor: accessor,
    [versionName]: BUILTIN_VERSION,
    mount_class: path.startsWith('auth/') ? 'auth' : 'secret',
  };
}

/** In decimal, as Go prints it. */
function serialNumber([certificate]: readonly Uint8Array[] = []): string | undefined {
  return certificate && BigInt(`0x${new X509Certificate(certificate).serialNumber}`).toString();
}
