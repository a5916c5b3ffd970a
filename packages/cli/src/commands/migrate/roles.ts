import type { JsonObject } from '@coffer/base';
import { ROLE_FIELDS } from './carried-fields.ts';
import { othersThan, pick } from './fields.ts';
import type { Found } from './item.ts';
import type { FoundMount } from './mounts.ts';
import { each, reading } from './reading.ts';
import type { Side } from './side.ts';

/** The roles of one database mount. */
export async function* roles(source: Side, mount: FoundMount): AsyncGenerator<Found> {
  yield* each(source, 'role', `${mount.path}/roles`, async function* (path) {
    const view = await source.read(path);
    if (view !== undefined) yield role(mount, path, view);
  });
}

function role(mount: FoundMount, path: string, view: JsonObject): Found {
  return {
    kind: 'role',
    path,
    needs: mount.madeBy,
    wanted: pick(view, ROLE_FIELDS),
    leftOut: othersThan(view, ROLE_FIELDS),
    present: async (target) => {
      const present = await target.read(path);
      return present && pick(present, ROLE_FIELDS);
    },
  };
}

/** The leases of one database mount, which stay where they are. */
export async function* leases(source: Side, mount: FoundMount): AsyncGenerator<Found> {
  const folder = `sys/leases/lookup/${mount.path}/creds`;
  yield* reading('lease', folder, async function* () {
    for (const key of await source.list(folder)) {
      const path = `${folder}/${key.replace(/\/$/, '')}`;
      const { length } = await source.list(path);
      const left = `${length} alive: the source ends them at their time, and must run until then`;
      yield { kind: 'lease', path: `${mount.path}/creds/${key}`, left, missing: false };
    }
  });
}
