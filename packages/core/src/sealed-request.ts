import { CofferError } from '@coffer/base';
import type { IncomingRequest, OutgoingResponse } from './logical.ts';
import type { Path } from './path.ts';

/** Serves a request while the seal is closed: `paths` under `sys/` answer, everything else is `sealed`. */
export async function handleSealed(
  paths: readonly Path[],
  request: IncomingRequest,
): Promise<OutgoingResponse | undefined> {
  const path = request.path.replace(/^\/+/, '');
  if (!path.startsWith('sys/')) throw sealed();
  const relative = path.slice('sys/'.length);
  for (const each of paths) {
    const params = each.match(relative);
    if (params === undefined) continue;
    const { token: clientToken, ...rest } = request;
    const context = { path: relative, mountPath: 'sys/', params, clientToken, warnings: [] };
    return each.handle({ wrapTtl: 0, ...rest, ...context });
  }
  throw sealed();
}

export function sealed(): CofferError {
  return new CofferError('sealed', 'Vault is sealed');
}
