import { CofferError } from '@coffer/base';
import type { EdgeRequest } from './message.ts';

export interface RawBodyRules {
  /** Called before the first byte is read. */
  readonly begin: () => void;
  /** Why the parser gave up on the request, once it has. */
  readonly broken: () => Error | undefined;
}

/**
 * The bytes of a body as they come, no faster than they are taken. What was not taken is left in the request.
 *
 * @throws CofferError `invalid-request` when the rest of it does not come
 */
export async function* rawBody(request: EdgeRequest, { begin, broken }: RawBodyRules): AsyncGenerator<Uint8Array> {
  begin();
  let wake = (): void => undefined;
  const onChange = (): void => wake();
  for (const name of CHANGES) request.on(name, onChange);
  try {
    for (;;) {
      const chunk = request.read() as Buffer | null;
      if (chunk !== null) yield chunk;
      else if (request.readableEnded) return;
      else if (broken() !== undefined || request.destroyed) {
        throw new CofferError('invalid-request', 'the body was cut off');
      } else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    for (const name of CHANGES) request.off(name, onChange);
  }
}

const CHANGES = ['readable', 'end', 'close', 'error'] as const;
