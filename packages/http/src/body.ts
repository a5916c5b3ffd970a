import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { constants } from 'node:http2';
import { CofferError, isJsonObject } from '@coffer/base';
import type { JsonObject } from '@coffer/core';

/** The whole body, or why there is none: it passed the limit, or the client went away (or was too slow). */
export type BodyOutcome = Buffer | 'too-large' | 'aborted';

/** Reads a request's body into memory. Never rejects. After `too-large` the rest is still unread. */
export function readBody(
  request: IncomingMessage | Http2ServerRequest,
  maxBytes: number,
  timeoutMs: number,
): Promise<BodyOutcome> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve('too-large');
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (outcome: BodyOutcome): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', onGone).off('error', onGone);
      resolve(outcome);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) settle('too-large');
      else chunks.push(chunk);
    };
    const onEnd = (): void =>
      settle(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    const onGone = (): void => settle('aborted');
    const timer = setTimeout(() => abort(request), timeoutMs);
    request.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone);
  });
}

function abort(request: IncomingMessage | Http2ServerRequest): void {
  if ('stream' in request) request.stream.close(constants.NGHTTP2_CANCEL);
  else request.destroy();
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });
/** Far beyond any request of Vault's API; what is deeper would exhaust the stack of whoever walks it. */
const MAX_DEPTH = 100;

/**
 * The JSON object in a body; `{}` when the body is empty or `null`. The content type is not looked at: `curl -d` sends
 * JSON as a form (as Vault does).
 *
 * @throws CofferError `invalid-request`; the message never repeats the input, which may hold a secret
 */
export function parseJsonBody(body: Buffer): JsonObject {
  if (body.length === 0) return {};
  if (nestingDepth(body) > MAX_DEPTH) throw invalid(`more than ${MAX_DEPTH} levels of nesting`);
  let text: string;
  try {
    text = UTF8.decode(body);
  } catch {
    throw invalid('the body is not UTF-8');
  }
  if (text.trim() === '') return {};
  const value = parseJson(text);
  if (value === null) return {};
  if (!isJsonObject(value)) {
    throw invalid(
      `the body must be an object like {"key": "value"}, not ${Array.isArray(value) ? 'a list' : `a ${typeof value}`}`,
    );
  }
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // V8's message quotes the input, so only its position is taken over.
    const message = error instanceof Error ? error.message : '';
    const position = /at position (\d+)/.exec(message)?.[1];
    if (position !== undefined) throw invalid(`invalid JSON at character ${Number(position) + 1} of the body`);
    throw invalid(message.includes('end of JSON input') ? 'the JSON ends too early' : 'the body is not valid JSON');
  }
}

function nestingDepth(body: Buffer): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (quoted) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) quoted = false;
    } else if (byte === 0x22) quoted = true;
    else if (byte === 0x7b || byte === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return deepest;
}

function invalid(problem: string): CofferError {
  return new CofferError('invalid-request', `failed to parse JSON input: ${problem}`);
}
