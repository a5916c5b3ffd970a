/** The clients of `npm run bench -- server`: its figures are worth no more than their counting. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { text } from 'node:stream/consumers';
import { httpRequest, Load } from '../scripts/bench/server/load.ts';

describe('the clients of a bench', () => {
  let server: Server;
  let load: Load;
  let place: { readonly host: string; readonly port: number };
  const seen: string[] = [];

  const serve = async (request: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const path = request.url?.replace('/v1/', '') ?? '';
    seen.push(`${request.method} ${path} ${await text(request)}`);
    switch (path) {
      case 'chunked':
        // In several packets, and with what looks like an end in one of them.
        answer.write('{"data":"0');
        await new Promise((done) => setTimeout(done, 2));
        answer.write('\r\n\r\n');
        await new Promise((done) => setTimeout(done, 2));
        return void answer.end('"}');
      case 'refused':
        answer.statusCode = 503;
        return void answer.end('come again');
      case 'cut':
        return void request.socket.destroy();
      case 'database/creds/app':
        return void answer.end(JSON.stringify({ lease_id: `database/creds/app/${seen.length}`, data: {} }));
      case 'sys/leases/revoke':
        answer.statusCode = 204;
        return void answer.end();
      default:
        return void answer.end('{}');
    }
  };
  before(async () => {
    server = createServer((request, answer) => {
      serve(request, answer).catch((error: unknown) => answer.destroy(error as Error));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    place = { host: '127.0.0.1', port: (server.address() as { port: number }).port };
    load = await Load.start();
  });
  after(async () => {
    await load.stop();
    server.close();
  });
  const run = (path: string, clients: number, count: number) => {
    seen.length = 0;
    return load.run({ ...place, clients, requests: [httpRequest('GET', path, 'token')] }, { count });
  };

  it('send as many requests as they are told, and count what was answered', async () => {
    const { answered, errors, p50, p99, seconds } = await run('plain', 4, 100);
    assert.deepEqual([answered, errors, seen.length], [100, {}, 100]);
    assert.ok(0 < p50 && p50 <= p99 && p99 <= seconds * 1000, `${p50}, ${p99} of ${seconds} s`);
  });

  it('take an answer for whole at its last chunk only', async () => {
    const { answered, errors } = await run('chunked', 2, 10);
    assert.deepEqual([answered, errors, seen.length], [10, {}, 10]);
  });

  it('count what was refused by its status, with what one of the answers said', async () => {
    const { answered, errors } = await run('refused', 2, 10);
    assert.equal(answered, 0);
    assert.equal(errors['503']?.count, 10);
    assert.match(errors['503'].sample, /come again/);
  });

  it('count connections that end, and make new ones', async () => {
    const { answered, errors } = await run('cut', 1, 3);
    assert.equal(answered, 0);
    assert.equal(errors['connection']?.count, 3);
  });

  it('have a request each where there are several', async () => {
    seen.length = 0;
    const requests = [1, 2].map((lease) => httpRequest('PUT', 'sys/leases/renew', 'token', { lease }));
    await load.run({ ...place, clients: 2, requests }, { count: 10 });
    assert.deepEqual([...new Set(seen)].sort(), [
      'PUT sys/leases/renew {"lease":1}',
      'PUT sys/leases/renew {"lease":2}',
    ]);
  });

  it('send each request once where they share them', async () => {
    seen.length = 0;
    const each = Array.from({ length: 20 }, (_, lease) => httpRequest('PUT', 'sys/leases/renew', 'token', { lease }));
    const { answered } = await load.run({ ...place, clients: 3, each }, { count: 18 });
    const sent = Array.from({ length: 18 }, (_, lease) => `PUT sys/leases/renew {"lease":${lease}}`);
    assert.equal(answered, 18);
    assert.deepEqual([...seen].sort(), sent.sort());
    const { answered: all } = await load.run({ ...place, clients: 3, each }, {});
    assert.equal(all, 20);
  });

  it('renew and revoke what they issued, also when the time is over', async () => {
    seen.length = 0;
    const { answered, errors } = await load.run(
      { ...place, clients: 2, cycle: { role: 'app', token: 'token' } },
      { ms: 100 },
    );
    assert.deepEqual(errors, {});
    assert.equal(answered, seen.length);
    const leases = (path: string): string[] =>
      seen.filter((line) => line.includes(path)).map((line) => /database\/creds\/app\/\d+/.exec(line)?.[0] ?? line);
    const issued = seen.filter((line) => line.startsWith('GET database/creds/app')).length;
    assert.ok(issued > 0);
    assert.equal(new Set(leases('sys/leases/revoke')).size, issued);
    assert.deepEqual(leases('sys/leases/renew').sort(), leases('sys/leases/revoke').sort());
  });
});
