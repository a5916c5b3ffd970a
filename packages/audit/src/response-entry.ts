import { formatTime, type JsonObject } from '@coffer/base';
import type { OutgoingResponse } from '@coffer/framework';
import { callerEntry, filled, grantedEntry } from './auth-entry.ts';
import type { AuditedRequest, AuditedResponse, LineFormat } from './event.ts';
import { elideList } from './hash.ts';
import type { AuditedHeaders } from './headers.ts';
import { askedEntry, mountEntry } from './request-entry.ts';
import type { Words } from './words.ts';

interface ResponseEvent {
  readonly asked: AuditedRequest;
  readonly response: AuditedResponse;
  readonly format: LineFormat;
}

/** The line that is written before an answer leaves (openbao/openbao:internal/audit/format.go, AuditResponseEntry). */
export async function responseEntry(
  { asked, response, format }: ResponseEvent,
  words: Words,
  headers: AuditedHeaders,
): Promise<JsonObject> {
  const { answer, error, errorText } = response;
  const { mount } = asked;
  const granted = answer?.auth && grantedEntry(answer.auth, answer.displayName, words);
  // A login is by nobody yet: its line says who that turned out to be.
  const isLogin = granted !== undefined && asked.token === undefined && answer?.wrapInfo === undefined;
  const shown = errorText === undefined ? dataOf(asked, answer, format) : { error: errorText };
  return filled({
    time: formatTime(Date.now()),
    type: 'response',
    auth: isLogin ? loginEntry(granted, answer) : callerEntry(asked.token ? asked : { request: asked.request }, words),
    request: await askedEntry(asked, words, headers),
    response: {
      ...(granted && { auth: granted }),
      ...mountEntry(mount, 'mount_running_plugin_version'),
      ...filled({
        data: shown && (await words.data(shown, mount?.config.audit_non_hmac_response_keys)),
        ...handedOut(answer, words),
      }),
    },
    error,
  });
}

function loginEntry(granted: JsonObject, { entityCreated }: OutgoingResponse = {}): JsonObject {
  return { ...granted, ...(entityCreated && { entity_created: true }) };
}

function dataOf(
  { operation }: AuditedRequest,
  answer: OutgoingResponse | undefined,
  { elideListResponses }: LineFormat,
): JsonObject | undefined {
  const data = answer?.data ?? undefined;
  return data !== undefined && elideListResponses && operation === 'list' ? elideList(data) : data;
}

function handedOut({ lease, warnings, wrapInfo }: OutgoingResponse = {}, words: Words): JsonObject {
  return filled({
    secret: lease && { lease_id: lease.id },
    warnings,
    wrap_info: wrapInfo && wrapEntry(wrapInfo, words),
  });
}

function wrapEntry(info: JsonObject, words: Words): JsonObject {
  const text = (name: string): string => (typeof info[name] === 'string' ? info[name] : '');
  return filled({
    ttl: info['ttl'],
    token: words.secret(text('token')),
    accessor: words.accessor(text('accessor')),
    creation_time: info['creation_time'],
    creation_path: info['creation_path'],
    wrapped_accessor: words.accessor(text('wrapped_accessor')),
  });
}
