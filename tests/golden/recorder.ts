import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { JsonValue } from '@coffer/base';

export interface SeenExchange {
  readonly method: string;
  readonly path: string;
  readonly requestHeaders: IncomingHttpHeaders;
  readonly requestBody: JsonValue | undefined;
  readonly status: number;
  readonly responseHeaders: IncomingHttpHeaders;
  readonly responseBody: JsonValue | undefined;
}

export interface Recorder {
  readonly address: string;
  /** The exchanges since the last call. */
  take(): SeenExchange[];
  close(): Promise<void>;
}

/** An HTTP proxy that keeps what passes between a command and the server. */
export async function startRecorder(target: string): Promise<Recorder> {
  let seen: SeenExchange[] = [];
  const forward = async (method: string, path: string, headers: object, body: Buffer) => {
    const outgoing = httpRequest(target + path, { method, headers: { ...headers } });
    outgoing.end(body);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    return { answer, bytes: await buffer(answer) };
  };
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming;
    buffer(incoming)
      .then(async (body) => {
        const { answer, bytes } = await forward(method, url, headers, body);
        const status = answer.statusCode ?? 0;
        seen.push({
          method,
          path: url,
          requestHeaders: headers,
          requestBody: parse(body),
          status,
          responseHeaders: answer.headers,
          responseBody: parse(bytes),
        });
        outgoing.writeHead(status, answer.headers);
        outgoing.end(bytes);
      })
      .catch((error: unknown) => outgoing.destroy(error instanceof Error ? error : new Error(String(error))));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const taken = seen;
      seen = [];
      return taken;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function parse(bytes: Buffer): JsonValue | undefined {
  return bytes.length === 0 ? undefined : (JSON.parse(bytes.toString('utf8')) as JsonValue);
}
