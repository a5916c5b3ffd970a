import { CofferError } from '@coffer/base';
import type { Found, Kind } from './item.ts';
import { endsTheMove, type Side } from './side.ts';

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

/** What `one` finds for each name below a path of the source. */
export async function* each(
  source: Side,
  kind: Kind,
  folder: string,
  one: (path: string, name: string) => AsyncGenerator<Found>,
): AsyncGenerator<Found> {
  yield* reading(kind, folder, async function* () {
    for (const name of await source.list(folder)) {
      const path = `${folder}/${name}`;
      if (name.endsWith('/')) yield { kind, path, left: SLASH, missing: true };
      else yield* reading(kind, path, () => one(path, name));
    }
  });
}

/** Vault lists names with a slash as folders. */
const SLASH = 'not read: names with a slash in them are not taken here; make it by another name';
