import type { CrashRequest } from '../crash/server.ts';

/** The same request of another mount than `database/`. */
export function moved(request: CrashRequest, mount: string): CrashRequest {
  const move = (path: string): string => path.replace(/(^|\/)database(?=\/|$)/, `$1${mount}`);
  const lease = request.data?.['lease_id'];
  return {
    ...request,
    path: move(request.path),
    ...(request.data && {
      data: { ...request.data, ...(typeof lease === 'string' && { lease_id: move(lease) }) },
    }),
  };
}
