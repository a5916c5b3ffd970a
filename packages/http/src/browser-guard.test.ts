/** A web page cannot make a browser ask a development server, by whatever name it has that resolve to it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '@coffer/base';
import { createHttpEdge } from './index.ts';
import { RawClient } from './raw-client-fixture.ts';

async function statuses(
  listen: { host?: string; refuseForeignPages?: boolean },
  headers: readonly string[],
): Promise<[string, number, string][]> {
  const { host = '127.0.0.1', refuseForeignPages = true } = listen;
  const edge = createHttpEdge({ handle: async () => undefined, logger: silentLogger, refuseForeignPages });
  const { port } = await edge.listen(host, 0);
  const seen: [string, number, string][] = [];
  for (const header of headers) {
    const client = RawClient.to(port);
    await client.send(`GET /v1/a HTTP/1.1\r\n${header.replaceAll('PORT', String(port))}\r\n\r\n`);
    const { status, body } = await client.response();
    seen.push([header, status, body]);
    client.close();
  }
  await edge.close(0);
  return seen;
}

const OWN = [
  'Host: 127.0.0.1:PORT',
  'Host: 127.0.0.1',
  'Host: localhost:PORT',
  'Host: LocalHost.',
  'Host: vault.localhost:9999',
  'Host: [::1]:PORT',
  'Host: 127.8.9.1',
  'Host: localhost:PORT\r\nOrigin: http://localhost:PORT',
];
const FOREIGN = [
  'Host: evil.example',
  'Host: evil.example:PORT',
  'Host: localhost.evil.example',
  'Host: 127.0.0.1.evil.example:PORT',
  'Host: 127.evil.example',
  'Host: notlocalhost',
  'Host: 192.168.1.2:PORT',
  'Host: 0.0.0.0:PORT',
  'Host: localhost@evil.example',
  'Host: [evil]:PORT',
  'Host: ',
];
const FOREIGN_ORIGIN = [
  'Origin: http://evil.example',
  'Origin: null',
  'Origin: http://localhost:3000',
  'Origin: https://localhost:PORT',
  'Origin: http://localhost:PORT.evil.example',
];

describe('a development server', () => {
  it('on a loopback address is served by names of this machine only', async () => {
    for (const [header, status] of await statuses({}, OWN)) assert.equal(status, 204, header);
    for (const [header, status, body] of await statuses({}, FOREIGN)) {
      assert.equal(status, 403, header);
      assert.match(
        body,
        /use 127\.0\.0\.1 or localhost, or listen on another address with -dev-listen-address/,
        header,
      );
    }
  });

  it('takes no requests of pages that other servers sent, on whatever address', async () => {
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      const headers = FOREIGN_ORIGIN.map((origin) => `Host: localhost:PORT\r\n${origin}`);
      for (const [header, status, body] of await statuses({ host }, headers)) {
        assert.equal(status, 403, header);
        assert.match(body, /refuses requests from web pages of other servers/);
      }
    }
  });

  it('on another address cannot know its names', async () => {
    const names = ['Host: coffer:8200', 'Host: 10.1.2.3:8200', 'Host: coffer:8200\r\nOrigin: http://coffer:8200'];
    for (const [header, status] of await statuses({ host: '0.0.0.0' }, names)) assert.equal(status, 204, header);
  });
});

describe('any other server', () => {
  it('is served by every name', async () => {
    const headers = [...OWN, ...FOREIGN, 'Host: a.example\r\nOrigin: https://b.example'];
    for (const [header, status] of await statuses({ refuseForeignPages: false }, headers)) {
      assert.equal(status, 204, header);
    }
  });

  it('wants one Host, as HTTP does', async () => {
    for (const [header, status] of await statuses({ refuseForeignPages: false }, ['X: y', 'Host: a\r\nHost: b'])) {
      assert.equal(status, 400, header);
    }
  });
});
