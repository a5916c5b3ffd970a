/** Asking servers that do not answer as they should. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createCertificateAuthority } from '@coffer/testkit';
import { Discovery } from './discovery.ts';
import { fetchJson } from './fetch-json.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** What was asked for, and how it is answered. */
class Stand {
  readonly asked: string[] = [];
  readonly server: Server;
  answer: Answer = (_, response) => response.end('{}');

  constructor(tls?: { readonly cert: string; readonly key: string }) {
    const listener: Answer = (request, response) => {
      this.asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`.trim());
      this.answer(request, response);
    };
    this.server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  }

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

describe('a server that is asked for JSON', () => {
  const [one, other] = [new Stand(), new Stand()];
  let secure: Stand;
  let [url, elsewhere, tls, ca] = ['', '', '', ''];
  before(async () => {
    const authority = await createCertificateAuthority();
    const { certificatePem: cert, privateKeyPem: key } = await authority.issue({
      commonName: 'issuer',
      ipAddresses: ['127.0.0.1'],
    });
    secure = new Stand({ cert, key });
    ca = authority.certificatePem;
    [url, elsewhere, tls] = [
      `http://${await one.listen()}`,
      `http://${await other.listen()}`,
      `https://${await secure.listen()}`,
    ];
  });
  after(() => [one, other, secure].forEach((stand) => stand.close()));
  const failed = (message: RegExp) => ({ code: 'failed', message });

  it('is waited for until all of the answer is there, and no longer', async () => {
    const timers: NodeJS.Timeout[] = [];
    const never: readonly (readonly [string, Answer])[] = [
      ['says nothing', () => undefined],
      ['stops after the headers', (_, response) => response.writeHead(200).flushHeaders()],
      ['promises more than it sends', (_, response) => response.writeHead(200, { 'Content-Length': 99 }).write('{')],
      ['drips', (_, response) => timers.push(setInterval(() => response.write(' '), 20))],
      [
        'drips a redirect',
        (_, response) => {
          response.writeHead(302, { Location: '/' });
          timers.push(setInterval(() => response.write(' '), 20));
        },
      ],
    ];
    for (const [name, answer] of never) {
      one.answer = answer;
      await assert.rejects(fetchJson(`${url}/keys`, { timeoutMs: 150 }), failed(/: no answer within 0\.15 s$/), name);
    }
    one.answer = (_, response) => void setTimeout(() => response.writeHead(302, { Location: '/' }).end(), 60);
    await assert.rejects(fetchJson(url, { timeoutMs: 150 }), failed(/no answer within/), 'each move would begin anew');
    timers.forEach(clearInterval);
  });

  it('is read up to 1 MiB, however it says how much it sends', async () => {
    const padded = (bytes: number): string => `{"a":"${'x'.repeat(bytes - 8)}"}`;
    one.answer = (_, response) => response.end(padded(1024 * 1024));
    assert.equal(Object.keys(await fetchJson(url)).length, 1);
    let sent = 0;
    const flood: Answer = (request, response) => {
      const more = (): void => {
        while (!response.destroyed && sent < 10_000_000 && response.write('x'.repeat(10_000))) sent += 10_000;
      };
      response.on('drain', more);
      request.resume();
      more();
    };
    for (const answer of [flood, (_: IncomingMessage, response: ServerResponse) => response.end(padded(10_000_000))]) {
      one.answer = answer;
      await assert.rejects(fetchJson(url), failed(/the answer has more than 1048576 bytes$/));
    }
    one.answer = (_, response) => response.writeHead(500).end(padded(10_000_000));
    await assert.rejects(fetchJson(url), failed(/more than 1048576 bytes$/), 'whatever the status is');
  });

  it('may send elsewhere three times, over HTTP and never out of TLS', async () => {
    const moves =
      (count: number): Answer =>
      (request, response) => {
        const at = Number(request.url?.slice(1) ?? 0);
        if (at < count) response.writeHead(307, { Location: `/${at + 1}` }).end();
        else response.end('{"at":"the end"}');
      };
    one.answer = moves(3);
    assert.deepEqual(await fetchJson(`${url}/0`), { at: 'the end' });
    one.answer = moves(4);
    await assert.rejects(fetchJson(`${url}/0`), failed(/too many redirects$/));
    one.answer = (_, response) => response.writeHead(301, { Location: '/again' }).end();
    await assert.rejects(fetchJson(`${url}/again`), failed(/too many redirects$/));
    for (const [location, reason] of [
      ['file:///etc/passwd', /starts with https:\/\/ or http:\/\/$/],
      ['ftp://127.0.0.1/keys', /starts with https:\/\/ or http:\/\/$/],
      ['data:application/json,{}', /starts with https:\/\/ or http:\/\/$/],
      ['http://somebody:secret@127.0.0.1/', /the address contains a user name$/],
      ['http://[', /a redirect does not lead to a URL$/],
    ] as const) {
      one.answer = (_, response) => response.writeHead(302, { Location: location }).end();
      await assert.rejects(fetchJson(url), failed(reason), location);
    }
    secure.answer = (_, response) => response.writeHead(302, { Location: `${elsewhere}/keys` }).end();
    other.asked.length = 0;
    await assert.rejects(fetchJson(tls, { ca }), failed(/a redirect leads out of TLS$/));
    assert.deepEqual(other.asked, []);
  });

  it('sends nobody elsewhere who has shown a password or a body', async () => {
    one.answer = (_, response) => response.writeHead(307, { Location: `${elsewhere}/` }).end('{}');
    other.asked.length = 0;
    for (const options of [{ headers: { Authorization: 'Bearer x' } }, { body: 'code=x' }]) {
      await assert.rejects(fetchJson(url, options), failed(/status 307$/));
    }
    assert.deepEqual(other.asked, []);
    assert.deepEqual(await fetchJson(url).then(() => other.asked), ['GET /'], 'anybody else is sent');
  });

  it('is not told of flags of Node.js when it cannot be trusted', async () => {
    secure.answer = (_, response) => response.end('{}');
    await assert.rejects(fetchJson(tls), failed(/: unable to verify the first certificate$/));
    const { certificatePem } = await createCertificateAuthority('Somebody else');
    await assert.rejects(fetchJson(tls, { ca: certificatePem }), failed(/certificate(?!.*Node\.js)/));
    assert.deepEqual(await fetchJson(tls, { ca }), {});
  });

  it('is not believed when its discovery document names keys outside of TLS', async () => {
    secure.answer = (_, response) =>
      response.end(
        JSON.stringify({ issuer: tls, jwks_uri: `${elsewhere}/keys`, token_endpoint: 'file:///etc/passwd' }),
      );
    await assert.rejects(
      new Discovery(tls, ca).provider(),
      failed(/token_endpoint is not a URL|not a URL that starts/),
    );
    secure.answer = (_, response) => response.end(JSON.stringify({ issuer: tls, jwks_uri: `${elsewhere}/keys` }));
    await assert.rejects(new Discovery(tls, ca).provider(), failed(/jwks_uri is not a URL that starts with https/));
  });
});
