import { setImmediate as nextRound } from 'node:timers/promises';
import { type SpanEnd, tracedRequest, type Tracer } from '@coffer/base';
import type { EdgeRequest, EdgeResponse } from './message.ts';

/** Others are the client's own words. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'LIST', 'SCAN']);

/** Runs an exchange as the first span of its trace, whose name says no more than the method until its route is known. */
export function tracedExchange(
  tracer: Tracer | undefined,
  { method, request, response }: { method: string; request: EdgeRequest; response: EdgeResponse },
  run: () => Promise<void>,
): Promise<void> {
  if (tracer === undefined) return run();
  const known = METHODS.has(method) ? method : '_OTHER';
  const { traceparent } = request.headers;
  const description = {
    name: known === '_OTHER' ? 'HTTP' : known,
    kind: 'server',
    attributes: { 'http.request.method': known, 'network.protocol.version': request.httpVersion },
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
  } as const;
  const sent = async (): Promise<void> => {
    await run();
    // The answer goes out at the end of this round of the event loop (Outbox), and is part of it.
    if (!response.headersSent) await nextRound();
  };
  return tracedRequest(tracer, description, sent, () => endOf(response));
}

/** A refusal is no failure of the server. */
function endOf(response: EdgeResponse): SpanEnd {
  if (!response.headersSent) return { failure: 'no answer' };
  const { statusCode } = response;
  const attributes = { 'http.response.status_code': statusCode };
  return statusCode < 500 ? { attributes } : { attributes, failure: String(statusCode) };
}
