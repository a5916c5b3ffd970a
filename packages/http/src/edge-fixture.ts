import { connect } from 'node:net';
import { silentLogger } from '@coffer/base';
import type { RequestHandler } from '@coffer/framework';
import { type HttpEdge, type HttpEdgeOptions, createHttpEdge } from './index.ts';
import { RawClient } from './raw-client-fixture.ts';

/** For tests: a listening edge, for as long as `use` takes. */
export async function withEdge(
  given: Partial<HttpEdgeOptions> & { handle: RequestHandler },
  use: (port: number, edge: HttpEdge) => Promise<void>,
): Promise<void> {
  const edge = createHttpEdge({ logger: silentLogger, ...given });
  try {
    const { port } = await edge.listen('127.0.0.1', 0);
    await use(port, edge);
  } finally {
    await edge.close(0);
  }
}

/** Comes from another address of this machine (all of 127.0.0.0/8 is its own on Linux). */
export function clientFrom(localAddress: string, port: number): RawClient {
  return new RawClient(connect({ port, host: '127.0.0.1', localAddress }));
}

/** A PUT with the headers given and a body, whole or in chunks of `chunkBytes`. */
export function putRequest(path: string, body: string, headers = '', chunkBytes = 0): string {
  const head = `PUT /v1/${path} HTTP/1.1\r\nHost: localhost\r\n${headers}`;
  if (chunkBytes === 0) return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  let chunks = '';
  for (let at = 0; at < body.length; at += chunkBytes) {
    const chunk = body.slice(at, at + chunkBytes);
    chunks += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
  }
  return `${head}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
}

export const getRequest = (path: string, headers = ''): string =>
  `GET /v1/${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
