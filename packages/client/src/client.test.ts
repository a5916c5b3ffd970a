import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { CofferError, isCofferError, Secret } from '@coffer/base';
import { ApiError, createClient } from './index.ts';

interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

type Respond = (request: Seen, response: ServerResponse) => void;

/** Runs `use` against a real server that records what it is asked. */
async function withServer(
  respond: Respond,
  use: (address: string, seen: Seen[]) => Promise<void>,
  socketPath?: string,
) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const record = { method: request.method, url: request.url, headers: request.headers, body };
      seen.push(record);
      respond(record, response);
    });
  });
  server.listen(socketPath ?? { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  try {
    const address =
      socketPath === undefined ? `http://127.0.0.1:${(server.address() as AddressInfo).port}` : `unix://${socketPath}`;
    await use(address, seen);
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
}

function json(status: number, body: unknown): Respond {
  return (_request, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(body));
  };
}

const noContent: Respond = (_request, response) => response.writeHead(204).end();

describe('createClient', () => {
  it('sends the headers of Vault and the method that each verb stands for', async () => {
    await withServer(noContent, async (address, seen) => {
      const client = createClient({ address, token: new Secret('t0k'), namespace: 'ns1/', wrapTtl: '5m0s' });
      await client.read('a/b', { version: '2', tag: ['x', 'y z'] });
      await client.write('a/b', { k: 'v' });
      await client.write('a/b', null);
      await client.delete('/a/b/');
      await client.list('a');
      await client.request('POST', 'sys/mounts/database/', { body: { type: 'database' } });
      assert.deepEqual(
        seen.map(({ method, url, body }) => [method, url, body]),
        [
          ['GET', '/v1/a/b?tag=x&tag=y+z&version=2', ''],
          ['PUT', '/v1/a/b', '{"k":"v"}'],
          ['PUT', '/v1/a/b', 'null'],
          ['DELETE', '/v1/a/b', ''],
          ['GET', '/v1/a?list=true', ''],
          ['POST', '/v1/sys/mounts/database', '{"type":"database"}'],
        ],
      );
      const headers = seen[0]?.headers ?? {};
      assert.equal(headers['x-vault-token'], 't0k');
      assert.equal(headers['x-vault-request'], 'true');
      assert.equal(headers['x-vault-namespace'], 'ns1/');
      assert.equal(headers['x-vault-wrap-ttl'], '5m0s');
    });
  });

  it('leaves out what is not set, and asks sys/wrapping/wrap for five minutes', async () => {
    await withServer(noContent, async (address, seen) => {
      const client = createClient({ address });
      await client.read('x');
      await client.write('sys/wrapping/wrap', {});
      assert.equal('x-vault-token' in (seen[0]?.headers ?? {}), false);
      assert.equal('x-vault-wrap-ttl' in (seen[0]?.headers ?? {}), false);
      assert.equal(seen[1]?.headers['x-vault-wrap-ttl'], '5m');
    });
  });

  it('encodes a path once and keeps the path of the address in front', async () => {
    await withServer(noContent, async (address, seen) => {
      await createClient({ address: `${address}/proxy/` }).read('secret/a b?c#d%25');
      assert.equal(seen[0]?.url, '/proxy/v1/secret/a%20b%3Fc%23d%2525');
    });
  });

  it('changes options without touching the first client', async () => {
    await withServer(noContent, async (address, seen) => {
      const client = createClient({ address, token: 'one', wrapTtl: '1m0s' });
      await client.with({ token: 'two', wrapTtl: undefined }).read('x');
      await client.read('x');
      assert.deepEqual(
        seen.map(({ headers }) => [headers['x-vault-token'], headers['x-vault-wrap-ttl']]),
        [
          ['two', undefined],
          ['one', '1m0s'],
        ],
      );
    });
  });

  it('talks over a Unix socket', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coffer-client-'));
    try {
      const path = join(directory, 's');
      await withServer(
        json(200, { data: { a: 1 } }),
        async (address) => assert.deepEqual((await createClient({ address }).read('x'))?.data, { a: 1 }),
        path,
      );
      await assert.rejects(
        createClient({ address: `unix://${path}` }).read('x'),
        /dial unix .*: connect: no such file/,
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('follows one redirect with method, body and token', async () => {
    await withServer(json(200, { data: { at: 'active' } }), async (active, seen) => {
      const redirect: Respond = ({ url }, response) => response.writeHead(307, { Location: `${active}${url}` }).end();
      await withServer(redirect, async (address) => {
        const secret = await createClient({ address, token: 't' }).write('x', { a: 'b' });
        assert.deepEqual(secret?.data, { at: 'active' });
        assert.deepEqual([seen[0]?.method, seen[0]?.url, seen[0]?.body], ['PUT', '/v1/x', '{"a":"b"}']);
        assert.equal(seen[0]?.headers['x-vault-token'], 't');
        assert.equal(await createClient({ address, disableRedirects: true }).write('x', {}), undefined);
        assert.equal(seen.length, 1);
      });
    });
  });
});

describe('answers', () => {
  it('reads the envelope, and takes a body without one as the data', async () => {
    const auth = {
      client_token: 's.1',
      policies: ['default'],
      lease_duration: 60,
      renewable: true,
      metadata: { a: 'b' },
    };
    await withServer(
      json(200, { request_id: 'r', lease_id: 'l', lease_duration: 3600, warnings: ['w'], auth }),
      async (address) => {
        const secret = await createClient({ address }).read('x');
        assert.equal(secret?.leaseDuration, 3600);
        assert.deepEqual(secret.warnings, ['w']);
        assert.equal(secret.auth?.clientToken, 's.1');
        assert.equal(secret.auth.identityPolicies, null);
        assert.deepEqual(secret.auth.metadata, { a: 'b' });
      },
    );
    await withServer(json(200, { initialized: true, sealed: false }), async (address) => {
      assert.deepEqual((await createClient({ address }).read('sys/health'))?.data, {
        initialized: true,
        sealed: false,
      });
    });
  });

  it('gives nothing for 404, unless it came with warnings', async () => {
    await withServer(json(404, { errors: [] }), async (address) => {
      assert.equal(await createClient({ address }).read('x'), undefined);
      assert.equal(await createClient({ address }).list('x'), undefined);
      await assert.rejects(createClient({ address }).delete('x'), (e) => isCofferError(e, 'not-found'));
    });
    await withServer(json(404, { warnings: ['gone'] }), async (address) => {
      assert.deepEqual((await createClient({ address }).read('x'))?.warnings, ['gone']);
    });
    await withServer(
      (_, response) => response.writeHead(404).end('<html>'),
      async (address) => {
        await assert.rejects(createClient({ address }).read('x'), /Code: 404. Raw Message:\n\n<html>$/);
      },
    );
  });

  it('turns a refusal into an ApiError with the text of Vault', async () => {
    await withServer(json(403, { errors: ['permission denied', 'twice'] }), async (address) => {
      await assert.rejects(createClient({ address, token: 'hidden' }).write('a', {}), (error) => {
        assert.ok(error instanceof ApiError && error instanceof CofferError);
        assert.equal(error.code, 'permission-denied');
        assert.equal(error.status, 403);
        assert.deepEqual(error.errors, ['permission denied', 'twice']);
        const text = `Error making API request.\n\nURL: PUT ${address}/v1/a\nCode: 403. Errors:\n\n* permission denied\n* twice`;
        assert.equal(error.message, text);
        assert.equal(inspect(error, { depth: 9 }).includes('hidden'), false);
        return true;
      });
    });
    await withServer(json(503, { errors: ['Vault is sealed'] }), async (address) => {
      await assert.rejects(createClient({ address }).read('a'), (e) => e instanceof ApiError && e.sealed);
    });
    await withServer(json(429, { standby: true }), async (address) => {
      assert.deepEqual((await createClient({ address }).read('sys/health'))?.data, { standby: true });
      await assert.rejects(createClient({ address }).read('a'), (e) => isCofferError(e, 'too-many-requests'));
    });
  });
});

describe('failures without an answer', () => {
  it('says what Go says', async () => {
    let gone = '';
    await withServer(noContent, async (address) => {
      gone = address;
      await assert.rejects(
        createClient({ address: address.replace('http', 'https') }).read('x'),
        /HTTP response to HTTPS client/,
      );
    });
    await assert.rejects(createClient({ address: gone }).read('a/b'), (error) => {
      assert.ok(isCofferError(error, 'unavailable'));
      const host = gone.slice('http://'.length);
      assert.equal(error.message, `Get "${gone}/v1/a/b": dial tcp ${host}: connect: connection refused`);
      return true;
    });
    await assert.rejects(
      createClient({ address: 'http://no.invalid' }).read('x'),
      /^CofferError: Get "http:\/\/no.invalid\/v1\/x": dial tcp: lookup no.invalid: /,
    );
  });

  it('tells a hang-up and a timeout apart', async () => {
    await withServer(
      (_, response) => response.destroy(),
      async (address) => {
        await assert.rejects(createClient({ address }).write('x', {}), /^CofferError: Put ".*": EOF$/);
      },
    );
    await withServer(
      () => undefined,
      async (address) => {
        await assert.rejects(createClient({ address, timeoutMs: 20 }).read('x'), /: context deadline exceeded$/);
      },
    );
  });

  it('refuses an address or a token that cannot be used, without showing the token', () => {
    assert.throws(
      () => createClient({ address: '127.0.0.1:8200' }),
      (e) => isCofferError(e, 'invalid-request'),
    );
    assert.throws(
      () => createClient({ address: 'ftp://x' }),
      (e) => isCofferError(e, 'invalid-request'),
    );
    assert.throws(
      () => createClient({ address: 'http://x', token: 'hunter2\n' }),
      (e) => isCofferError(e, 'invalid-request') && !inspect(e).includes('hunter2'),
    );
  });
});
