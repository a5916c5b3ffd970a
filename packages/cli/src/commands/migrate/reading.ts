import { CofferError } from '@coffer/base';
import type { Found, Kind } from './item.ts';
import { endsTheMove } from './side.ts';

/**
 * What `read` finds. When the source refuses it, that is found in its place: the rest can be moved without it.
 * @throws CofferError when the source cannot be reached, or is sealed
 */
export async function* reading(kind: Kind, path: string, read: () => AsyncGenerator<Found>): AsyncGenerator<Found> {
  try {
    yield* read();
  } catch (thrown) {
    if (endsTheMove(thrown)) throw thrown;
    yield { kind, path, left: `not read: ${CofferError.from(thrown).message}`, missing: true };
  }
}
