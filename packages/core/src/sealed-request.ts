import type { CofferError } from '@coffer/base';
import { sealed } from './barrier/sealed.ts';
import { type IncomingRequest, type OutgoingResponse, type Path, findPath } from '@coffer/framework';
import { dataOf } from './mounts/router.ts';
import { needsNoToken } from './request.ts';

/** Serves a request while nothing behind the seal may: `paths` under `sys/` answer, everything else is refused. */
export async function handleSealed(
  paths: readonly Path[],
  request: IncomingRequest,
  refusal: CofferError = sealed(),
): Promise<OutgoingResponse | undefined> {
  const { token: clientToken, path, ...rest } = request;
  if (!path.startsWith('sys/')) throw refusal;
  const relative = path.slice('sys/'.length);
  const found = findPath(paths, relative, request.operation);
  if (found === undefined) throw refusal;
  // Whose token is it? Nobody can say now.
  if (found.path.openAs !== undefined && !needsNoToken(found.path, request)) throw refusal;
  const { params } = found;
  const context = {
    path: relative,
    mountPath: 'sys/',
    params,
    data: dataOf(request, params),
    clientToken,
    warnings: [],
  };
  return found.path.handle({ wrapTtl: 0, ...rest, ...context });
}
