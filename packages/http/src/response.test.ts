import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorCode, CofferError, ERROR_CODES } from '@coffer/base';
import type { RequestHandler } from '@coffer/framework';
import { getRequest, withEdge } from './edge-fixture.ts';
import { RawClient } from './raw-client-fixture.ts';
import { renderResponse } from './response.ts';

const text = (rendered: { body: unknown }) => JSON.stringify(rendered.body);

describe('renderResponse', () => {
  it('writes the recorded envelope of a lease, key by key', () => {
    const rendered = renderResponse('973b79eb', {
      data: { password: 'p', username: 'v-token' },
      lease: { id: 'database/creds/r/ugC9', durationSeconds: 3600, renewable: true },
    });
    assert.equal(rendered.status, 200);
    assert.equal(
      text(rendered),
      '{"request_id":"973b79eb","lease_id":"database/creds/r/ugC9","renewable":true,"lease_duration":3600,"data":{"password":"p","username":"v-token"},"wrap_info":null,"warnings":null,"auth":null}',
    );
  });

  it('keeps the envelope of a renewal, whose data is null', () => {
    const lease = { id: 'a/b', durationSeconds: 86399, renewable: true };
    assert.equal(
      text(renderResponse('r', { data: null, lease, warnings: ['TTL is capped'] })),
      '{"request_id":"r","lease_id":"a/b","renewable":true,"lease_duration":86399,"data":null,"wrap_info":null,"warnings":["TTL is capped"],"auth":null}',
    );
  });

  it('puts nothing beside a wrapping token', () => {
    const wrapInfo = { token: 't', accessor: 'a', ttl: 300, creation_time: 'c', creation_path: 'db/creds/x' };
    assert.equal(
      text(renderResponse('r', { wrapInfo })),
      '{"request_id":"","lease_id":"","renewable":false,"lease_duration":0,"data":null,"wrap_info":{"token":"t","accessor":"a","ttl":300,"creation_time":"c","creation_path":"db/creds/x"},"warnings":null,"auth":null}',
    );
  });

  it('gives 204 when there is nothing to say, and a body for warnings or auth alone', () => {
    assert.deepEqual(renderResponse('r', undefined), { status: 204, body: undefined });
    assert.deepEqual(renderResponse('r', {}), { status: 204, body: undefined });
    assert.deepEqual(renderResponse('r', { data: null, warnings: [] }), { status: 204, body: undefined });
    assert.deepEqual(renderResponse('r', { status: 202 }), { status: 202, body: undefined });
    assert.equal(renderResponse('r', { warnings: ['w'] }).status, 200);
    assert.deepEqual(renderResponse('r', { auth: { client_token: 't' } }).body?.auth, { client_token: 't' });
    assert.equal(renderResponse('r', { data: {} }).status, 200);
  });

  it('puts the data in front of the envelope when flat, and alone when raw', () => {
    assert.equal(
      text(renderResponse('r', { shape: 'flat', data: { 'database/creds/x': ['deny'], capabilities: ['deny'] } })),
      '{"database/creds/x":["deny"],"capabilities":["deny"],"request_id":"r","lease_id":"","renewable":false,"lease_duration":0,"data":{"database/creds/x":["deny"],"capabilities":["deny"]},"wrap_info":null,"warnings":null,"auth":null}',
    );
    assert.deepEqual(renderResponse('r', { shape: 'raw', status: 503, data: { sealed: true } }), {
      status: 503,
      body: { sealed: true },
    });
  });
});

describe('an error', () => {
  /** As it goes over the wire (hashicorp/vault:sdk/logical/response_util.go, RespondErrorCommon). */
  const SEEN: Readonly<Record<ErrorCode, readonly [line: string, body: string]>> = {
    'invalid-request': ['HTTP/1.1 400 Bad Request', '{"errors":["said"]}\n'],
    'permission-denied': ['HTTP/1.1 403 Forbidden', '{"errors":["said"]}\n'],
    'not-found': ['HTTP/1.1 404 Not Found', '{"errors":["said"]}\n'],
    unsupported: ['HTTP/1.1 405 Method Not Allowed', '{"errors":["said"]}\n'],
    failed: ['HTTP/1.1 500 Internal Server Error', '{"errors":["said"]}\n'],
    'too-many-requests': ['HTTP/1.1 429 Too Many Requests', '{"errors":["said"]}\n'],
    unavailable: ['HTTP/1.1 503 Service Unavailable', '{"errors":["said"]}\n'],
    sealed: ['HTTP/1.1 503 Service Unavailable', '{"errors":["said"]}\n'],
    internal: ['HTTP/1.1 500 Internal Server Error', '{"errors":["internal error"]}\n'],
  };

  it('of every code has the status of Vault, its message, and nothing of what is internal', async () => {
    const handle: RequestHandler = async ({ path }) => {
      throw new CofferError(ERROR_CODES.find((code) => code === path) ?? 'not-found', path === 'nothing' ? '' : 'said');
    };
    await withEdge({ handle }, async (port) => {
      for (const [code, [line, body]] of [
        ...Object.entries(SEEN),
        ['nothing', ['HTTP/1.1 404 Not Found', '{"errors":[]}\n']] as const,
      ]) {
        const client = RawClient.to(port);
        await client.send(getRequest(code));
        const answer = await client.response();
        assert.deepEqual([answer.line, answer.body], [line, body], code);
        assert.equal(answer.headers.get('content-type'), 'application/json');
        client.close();
      }
    });
  });
});
