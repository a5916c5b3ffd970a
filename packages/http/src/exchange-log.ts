import { type CofferError, errorText, type Logger } from '@coffer/base';
import type { OutgoingResponse } from '@coffer/framework';

/** The core has done what was asked and nobody will know: the log names the lease, so that it can be revoked. */
export function reportLostAnswer(logger: Logger, requestId: string, answer: OutgoingResponse | undefined): void {
  const fields = { request_id: requestId, lease_id: answer?.lease?.id };
  if (answer?.lease === undefined) logger.debug('client disconnected before the response', fields);
  else logger.warn('client disconnected before it got its lease', fields);
}

/** What the client is not told of an internal error. */
export function logInternal(logger: Logger, requestId: string, error: CofferError): void {
  const cause = error.cause ?? error;
  const place =
    cause instanceof Error
      ? (cause.stack ?? '')
          .split('\n')
          .find((line) => line.trimStart().startsWith('at '))
          ?.trim()
      : undefined;
  logger.error('internal error', { request_id: requestId, error: errorText(cause), place });
}
