/** What a request is before its handler sees it, and which answers need nothing more. */
import { CofferError, type RequestDescription, type SpanDescription, traced } from '@coffer/base';
import type { IncomingRequest, OutgoingResponse, Path, RawPathRequest, TokenEntry } from '@coffer/framework';
import { dataOf, type Route } from './mounts/router.ts';

/** The caller, if it must still be valid: what a wrapping token asked for has ended it, and a last use may have ended a token. */
export function stillValid(path: Path, token: TokenEntry | undefined): TokenEntry | undefined {
  return path.takesWrappingToken || token?.usesLeft === 1 ? undefined : token;
}

export function needsNoToken(path: Path | undefined, { unauthenticatedAccess = [] }: IncomingRequest): boolean {
  if (path?.openAs !== undefined && unauthenticatedAccess.includes(path.openAs)) return true;
  return path?.unauthenticated === true;
}

/** Whether an answer is wrapped already, is for everyone (the status of the server, help), a stream, or holds nothing to wrap. */
export function isOpen({ wrapInfo, shape, stream, data, lease, auth, warnings = [] }: OutgoingResponse): boolean {
  const empty = (data ?? lease ?? auth) === undefined && warnings.length === 0;
  return wrapInfo !== undefined || shape === 'raw' || stream !== undefined || empty;
}

/** The request as its path sees it. */
export function rawRequest(request: IncomingRequest, route: Route | undefined): RawPathRequest {
  const { token: clientToken, wrapTtl = 0, ...rest } = request;
  const { relative: path = '', mounted, params = {} } = route ?? {};
  const place = { path, mountPath: mounted?.mount.path ?? '', params, data: dataOf(request, params) };
  return { ...rest, ...place, wrapTtl, clientToken, warnings: [] };
}

/** What a trace says of a request: nothing of what stands in its path but the mount. */
export function requestSpan({ id }: IncomingRequest, route: Route | undefined): RequestDescription {
  const pattern = route?.path?.pattern;
  return {
    attributes: { 'coffer.request_id': id },
    ...(route && pattern !== undefined && { route: `/v1/${route.mounted.mount.path}${pattern}` }),
  };
}

/** Traces what an engine does for a request, and says no more of it. */
export function tracedEngine<T>(
  { mounted: { mount }, path }: Route,
  { operation }: RawPathRequest,
  work: () => Promise<T>,
): Promise<T> {
  const describe = (): SpanDescription => ({
    name: `${mount.type} ${operation}`,
    attributes: {
      'coffer.mount.type': mount.type,
      'coffer.mount.path': mount.path,
      'coffer.operation': operation,
      ...(path && { 'coffer.path': path.pattern }),
    },
  });
  return traced(describe, work);
}

export function noHandler(path: string): CofferError {
  return new CofferError('not-found', `no handler for route ${JSON.stringify(path)}. route entry not found.`);
}

export function help(engineHelp: string, path: Path | undefined): OutgoingResponse {
  if (path === undefined) return { shape: 'raw', data: { help: engineHelp, see_also: [], openapi: null } };
  const fields = Object.entries(path.fields).map(
    ([name, field]) => `    ${name} (${field.type})\n        ${field.description}\n`,
  );
  const text = [
    `Request:        ${path.pattern}`,
    '',
    path.synopsis,
    ...(fields.length > 0 ? ['', '## PARAMETERS', '', fields.join('\n')] : []),
    ...(path.description === '' ? [] : ['## DESCRIPTION', '', path.description]),
  ].join('\n');
  return { shape: 'raw', data: { help: text, see_also: [], openapi: null } };
}
