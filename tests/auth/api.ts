/** Requests as any HTTP client sends them, and what came back: for tests of statuses, texts and envelopes. */
import assert from 'node:assert/strict';
import { isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';
import { startTestServer } from '../dev-server.ts';

export interface Answer {
  readonly status: number;
  readonly body: JsonObject;
  /** `body.data`, or an empty object. */
  readonly data: JsonObject;
  /** `body.auth`, or an empty object. */
  readonly auth: JsonObject;
  readonly wrapInfo: JsonObject;
  readonly error: string;
}

export interface RequestOptions {
  /** Default: the root token; empty for none. */
  readonly token?: string;
  readonly wrapTtl?: string;
}

export interface Api {
  (method: string, path: string, body?: JsonObject | null, options?: RequestOptions): Promise<Answer>;
  /** As the call itself, and the answer must be a success. */
  ok(method: string, path: string, body?: JsonObject | null, options?: RequestOptions): Promise<Answer>;
  /** The answer must have this status and error text. */
  refused(
    expected: readonly [status: number, error: string | RegExp],
    method: string,
    path: string,
    body?: JsonObject | null,
    options?: RequestOptions,
  ): Promise<void>;
  /** What is known of a token, by the token itself. */
  lookup(token: string): Promise<JsonObject>;
  alive(token: string): Promise<boolean>;
}

/** A development server with the policies `app` and `ops`: each may read the path of its own name. */
export async function startAuthServer(): Promise<{ readonly api: Api; close(): Promise<void> }> {
  const server = await startTestServer();
  const api = apiAt(server.address);
  for (const name of ['app', 'ops']) {
    await api.ok('PUT', `sys/policies/acl/${name}`, { policy: `path "${name}" { capabilities = ["read"] }` });
  }
  return { api, close: () => server.close() };
}

/** `ownToken`: for requests that name no other. */
export function apiAt(address: string, ownToken = 'root'): Api {
  const send = async (method: string, path: string, body?: JsonObject | null, options: RequestOptions = {}) => {
    const { token = ownToken, wrapTtl } = options;
    const response = await fetch(`${address}/v1/${path}`, {
      method,
      headers: { ...(token !== '' && { 'x-vault-token': token }), ...(wrapTtl && { 'x-vault-wrap-ttl': wrapTtl }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return answerOf(response.status, text === '' ? {} : (JSON.parse(text) as JsonObject));
  };
  const ok = async (...request: Parameters<typeof send>) => {
    const answer = await send(...request);
    assert.ok(answer.status < 300, `${request[0]} ${request[1]}: ${answer.status} ${answer.error}`);
    return answer;
  };
  const self = 'auth/token/lookup-self';
  return Object.assign(send, {
    ok,
    lookup: async (token: string) => (await ok('GET', self, undefined, { token })).data,
    alive: async (token: string) => (await send('GET', self, undefined, { token })).status === 200,
    refused: async ([status, error]: readonly [number, string | RegExp], ...request: Parameters<typeof send>) => {
      const answer = await send(...request);
      assert.equal(answer.status, status, `${request[0]} ${request[1]}: ${answer.error}`);
      if (typeof error === 'string') assert.equal(answer.error, error);
      else assert.match(answer.error, error);
    },
  });
}

function answerOf(status: number, body: JsonObject): Answer {
  const part = (name: string): JsonObject => (isJsonObject(body[name]) ? body[name] : {});
  const errors = body['errors'];
  const error = Array.isArray(errors) ? errors.map(String).join('\n') : '';
  return { status, body, data: part('data'), auth: part('auth'), wrapInfo: part('wrap_info'), error };
}

/** A text out of an answer: a token, an id, a name. */
export function textOf(value: JsonValue | undefined): string {
  assert.ok(typeof value === 'string' && value !== '', 'the answer has no such text');
  return value;
}
