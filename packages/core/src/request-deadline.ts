import { CofferError, Deadline, whileAwaited, withDeadline } from '@coffer/base';
import { type IncomingRequest, type OutgoingResponse, multiError } from '@coffer/framework';

/** How long a client is kept waiting (hashicorp/vault:vault/core.go, DefaultMaxRequestDuration), in milliseconds. */
export const DEFAULT_MAX_REQUEST_MS = 90_000;

/**
 * Serves a request for as long as its client waits, and rejects with the reason when the time is over. Work that cannot be
 * called off goes on in the background; `currentDeadline` tells it that nobody waits any more.
 *
 * @throws CofferError `failed` with Vault's text, and whatever `serve` rejects with
 */
export async function answerInTime(
  request: IncomingRequest,
  serve: () => Promise<OutgoingResponse | undefined>,
): Promise<OutgoingResponse | undefined> {
  const deadline = new Deadline(request.maxDurationMs ?? DEFAULT_MAX_REQUEST_MS, {
    setting: 'default_max_request_duration',
    ...(request.gone && { gone: request.gone }),
  });
  try {
    return await withDeadline(deadline, () => whileAwaited(serve()));
  } catch (error) {
    if (error !== deadline.reason || !(error instanceof CofferError)) throw error;
    throw new CofferError(error.code, multiError([error.message]), { cause: error });
  } finally {
    deadline.clear();
  }
}
