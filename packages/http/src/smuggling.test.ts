/**
 * Bytes that two readers of HTTP may take for different messages. Behind each stands a request that must never be served:
 * either the whole is refused, or it was a body, or, where its start is beyond doubt, it is answered as itself.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RequestHandler } from '@coffer/framework';
import { withEdge } from './edge-fixture.ts';
import { RawClient } from './raw-client-fixture.ts';

const HOST = 'Host: x\r\n';
const SMUGGLED = `GET /v1/smuggled HTTP/1.1\r\n${HOST}\r\n`;
const post = (headers: string, body: string) => `POST /v1/a HTTP/1.1\r\n${HOST}${headers}\r\n${body}`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const LENGTH = `Content-Length: ${SMUGGLED.length}\r\n`;
const inChunk = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`;

/** Each with the smuggled request behind it, or in the place that it names. */
const VECTORS: readonly [string, string][] = [
  ['both framings, length first', post(`Content-Length: 4\r\n${CHUNKED}`, `0\r\n\r\n${SMUGGLED}`)],
  ['both framings, chunked first', post(`${CHUNKED}Content-Length: 4\r\n`, `0\r\n\r\n${SMUGGLED}`)],
  ['both framings, length of the rest', post(`${LENGTH}${CHUNKED}`, `0\r\n\r\n${SMUGGLED}`)],
  ['two lengths', post(`Content-Length: 0\r\n${LENGTH}`, SMUGGLED)],
  ['two lengths, the other way round', post(`${LENGTH}Content-Length: 0\r\n`, SMUGGLED)],
  ['a list of lengths', post('Content-Length: 0, 5\r\n', SMUGGLED)],
  ['a list of equal lengths', post('Content-Length: 0, 0\r\n', SMUGGLED)],
  ['a negative length', post('Content-Length: -1\r\n', SMUGGLED)],
  ['a length with a sign', post('Content-Length: +0\r\n', SMUGGLED)],
  ['a length in hexadecimal', post('Content-Length: 0x0\r\n', SMUGGLED)],
  ['a length with an exponent', post('Content-Length: 0e0\r\n', SMUGGLED)],
  ['a length with a fraction', post('Content-Length: 0.0\r\n', SMUGGLED)],
  ['a length with letters behind', post('Content-Length: 0abc\r\n', SMUGGLED)],
  ['a length with a space inside', post('Content-Length: 0 0\r\n', SMUGGLED)],
  ['a length in quotes', post('Content-Length: "0"\r\n', SMUGGLED)],
  ['an empty length', post('Content-Length: \r\n', SMUGGLED)],
  ['a length beyond 64 bits', post('Content-Length: 18446744073709551616\r\n', SMUGGLED)],
  ['a length beyond 64 bits that wraps to 0', post('Content-Length: 184467440737095516160\r\n', SMUGGLED)],
  ['a length with NUL', post('Content-Length: 0\0\r\n', SMUGGLED)],
  ['a space before the colon', post('Content-Length : 0\r\n', SMUGGLED)],
  ['a tab before the colon', post('Transfer-Encoding\t: chunked\r\n', `0\r\n\r\n${SMUGGLED}`)],
  ['a space before the colon of the encoding', post('Transfer-Encoding : chunked\r\n', `0\r\n\r\n${SMUGGLED}`)],
  ['a space before the name', post(' Content-Length: 0\r\n', SMUGGLED)],
  ['a folded header', post('X: a\r\n Content-Length: 0\r\n', SMUGGLED)],
  ['a folded encoding', post('Transfer-Encoding:\r\n chunked\r\n', `0\r\n\r\n${SMUGGLED}`)],
  ['a folded length', post('Content-Length:\r\n 0\r\n', SMUGGLED)],
  ['an unknown encoding', post('Transfer-Encoding: xchunked\r\n', `0\r\n\r\n${SMUGGLED}`)],
  ['identity', post('Transfer-Encoding: identity\r\n', `0\r\n\r\n${SMUGGLED}`)],
  ['chunked and something behind', post('Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${SMUGGLED}`)],
  ['chunked in quotes', post('Transfer-Encoding: "chunked"\r\n', `0\r\n\r\n${SMUGGLED}`)],
  ['chunked with a character in front', post('Transfer-Encoding: \x0bchunked\r\n', `0\r\n\r\n${SMUGGLED}`)],
  ['chunked with a parameter', post('Transfer-Encoding: chunked;q=1\r\n', `0\r\n\r\n${SMUGGLED}`)],
  ['two encodings', post(`${CHUNKED}Transfer-Encoding: x\r\n`, `0\r\n\r\n${SMUGGLED}`)],
  ['an empty encoding', post('Transfer-Encoding:\r\n', `0\r\n\r\n${SMUGGLED}`)],
  ['a lone CR between headers', post(`X: y\rContent-Length: 0\r\n`, SMUGGLED)],
  ['a lone LF between headers', post(`X: y\nContent-Length: 0\r\n`, SMUGGLED)],
  ['a lone LF at the end of the headers', `POST /v1/a HTTP/1.1\r\n${HOST}${LENGTH}\n${SMUGGLED}`],
  ['a CR without LF at the end', `POST /v1/a HTTP/1.1\r\n${HOST}${LENGTH}\r${SMUGGLED}`],
  ['NUL in a name', post('Content\0-Length: 0\r\n', SMUGGLED)],
  ['NUL in a value', post('X: a\0b\r\n', SMUGGLED)],
  ['a header without a name', post(': 0\r\n', SMUGGLED)],
  ['a header without a colon', post('Content-Length 0\r\n', SMUGGLED)],
  ['a name with an underscore only', post('Content_Length: 0\r\n', '')],
  ['a chunk size with a sign', post(CHUNKED, `+0\r\n\r\n${SMUGGLED}`)],
  ['a negative chunk size', post(CHUNKED, `-1\r\n\r\n${SMUGGLED}`)],
  ['a chunk size in 0x', post(CHUNKED, `0x0\r\n\r\n${SMUGGLED}`)],
  ['a chunk size that overflows', post(CHUNKED, `10000000000000000\r\n\r\n${SMUGGLED}`)],
  ['a chunk size of nothing', post(CHUNKED, `\r\n\r\n${SMUGGLED}`)],
  ['a chunk size with a space in front', post(CHUNKED, ` 0\r\n\r\n${SMUGGLED}`)],
  ['a chunk with a lone LF', post(CHUNKED, `0\n\n${SMUGGLED}`)],
  ['a chunk with LF in its extension', post(CHUNKED, `0;x\n${SMUGGLED}\r\n`)],
  ['a chunk longer than it says', post(CHUNKED, `1\r\nab\r\n0\r\n\r\n${SMUGGLED}`)],
  ['a chunk without its line end', post(CHUNKED, `1\r\na0\r\n\r\n${SMUGGLED}`)],
  ['a body that looks like a request', post(LENGTH, SMUGGLED)],
  ['a chunk that looks like a request', post(CHUNKED, inChunk)],
  ['a chunk extension that looks like one', post(CHUNKED, `0;${SMUGGLED.replaceAll('\r\n', ' ')}\r\n\r\n`)],
  ['a trailer that is a length', post(CHUNKED, `0\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n`)],
  ['the body of a GET', `GET /v1/a HTTP/1.1\r\n${HOST}${LENGTH}\r\n${SMUGGLED}`],
  ['the chunks of a GET', `GET /v1/a HTTP/1.1\r\n${HOST}${CHUNKED}\r\n${inChunk}`],
  ['the body of a LIST', `LIST /v1/a HTTP/1.1\r\n${HOST}${LENGTH}\r\n${SMUGGLED}`],
  ['the body of a LINK', `LINK /v1/a HTTP/1.1\r\n${HOST}${LENGTH}\r\n${SMUGGLED}`],
  ['the body of a DELETE', `DELETE /v1/a HTTP/1.1\r\n${HOST}${LENGTH}\r\n${SMUGGLED}`],
  ['the body of a HEAD', `HEAD /v1/sys/a HTTP/1.1\r\n${HOST}${LENGTH}\r\n${SMUGGLED}`],
  ['HTTP/1.0 with chunks', `POST /v1/a HTTP/1.0\r\n${CHUNKED}\r\n0\r\n\r\n${SMUGGLED}`],
  ['HTTP/0.9', `GET /v1/a\r\n${SMUGGLED}`],
  ['another version', `GET /v1/a HTTP/2.0\r\n${HOST}\r\n${SMUGGLED}`],
  ['no version', `GET /v1/a \r\n${HOST}\r\n${SMUGGLED}`],
  ['a version that goes on', `GET /v1/a HTTP/1.11\r\n${HOST}\r\n${SMUGGLED}`],
  ['a tab in the request line', `GET\t/v1/a\tHTTP/1.1\r\n${HOST}\r\n${SMUGGLED}`],
  ['a space in the path', `GET /v1/a b HTTP/1.1\r\n${HOST}\r\n${SMUGGLED}`],
  ['CONNECT', `CONNECT x:1 HTTP/1.1\r\n${HOST}\r\n${SMUGGLED}`],
  ['the preface of HTTP/2', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${SMUGGLED}`],
  ['a connection that ends', `GET /v1/a HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n${SMUGGLED}`],
  [
    'an upgrade that is not done',
    `GET /v1/a HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n${SMUGGLED}`,
  ],
  ['a verb in small letters', `list /v1/a HTTP/1.1\r\n${HOST}\r\n${SMUGGLED}`],
  ['LIST as the start of a longer verb', `LISTEN /v1/a HTTP/1.1\r\n${HOST}\r\n${SMUGGLED}`],
];

/** Where another request begins is beyond doubt: served as what it is, and so is the one behind. */
const PLAIN: readonly [string, string][] = [
  ['an absolute address', `GET http://other/v1/a HTTP/1.1\r\n${HOST}\r\n`],
  ['two Hosts', `GET /v1/a HTTP/1.1\r\n${HOST}Host: y\r\n\r\n`],
  ['no Host', 'GET /v1/a HTTP/1.1\r\n\r\n'],
  ['an asterisk', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`],
  ['an expectation that is not known', `GET /v1/b HTTP/1.1\r\n${HOST}Expect: x\r\n\r\n`],
  ['a LINK', `LINK /v1/a HTTP/1.1\r\n${HOST}\r\n`],
  ['a coding before chunked', post('Transfer-Encoding: gzip, chunked\r\n', '2\r\n{}\r\n0\r\n\r\n')],
  ['an extension of a chunk', post(CHUNKED, '2;a=b\r\n{}\r\n0\r\n\r\n')],
  ['an empty line in front', `\r\nGET /v1/b HTTP/1.1\r\n${HOST}\r\n`],
];

describe('request smuggling', () => {
  const served: string[] = [];
  const handle: RequestHandler = async ({ path }) => {
    served.push(path);
    return { shape: 'raw', data: { path } };
  };

  it(`does not work in ${VECTORS.length} ways, in one packet and split`, () =>
    withEdge({ handle, requestTimeoutMs: 500, headersTimeoutMs: 500 }, async (port) => {
      assert.ok(VECTORS.length >= 46);
      for (const split of [false, true]) {
        await Promise.all(
          VECTORS.map(async ([name, bytes]) => {
            const client = RawClient.to(port);
            const own = bytes.replaceAll('smuggled', `smuggled-${name.replaceAll(/\W/g, '-')}`);
            if (!split) await client.send(own);
            else {
              for (let at = 0; at < own.length; at += 7) {
                await client.send(own.slice(at, at + 7));
                await new Promise((resolve) => setImmediate(resolve));
              }
            }
            client.socket.end();
            await client.ended();
            client.close();
          }),
        );
      }
      assert.deepEqual(
        served.filter((path) => path.startsWith('smuggled')),
        [],
      );
      // None of it harmed anybody else.
      const client = RawClient.to(port);
      await client.send(SMUGGLED.replace('smuggled', 'plain'));
      assert.equal((await client.response()).status, 200);
      client.close();
    }));

  it('is nothing where the next request begins beyond doubt', () =>
    withEdge({ handle }, async (port) => {
      for (const [name, bytes] of PLAIN) {
        const client = RawClient.to(port);
        await client.send(bytes + SMUGGLED.replace('smuggled', 'behind'));
        await client.response();
        assert.match((await client.response()).body, /"path":"behind"/, name);
        client.close();
      }
    }));
});
