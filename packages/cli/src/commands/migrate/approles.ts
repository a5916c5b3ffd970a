import type { JsonObject } from '@coffer/base';
import { APPROLE_FIELDS } from './carried-fields.ts';
import { othersThan, pick } from './fields.ts';
import type { Found } from './item.ts';
import type { FoundMount } from './mounts.ts';
import { each, reading } from './reading.ts';
import type { Side } from './side.ts';

/** Older spellings, which repeat what the fields above say. */
const REPEATED = ['policies', 'period', 'bound_cidr_list'];

/** The roles of one approle mount with their ids, and how many secret ids of each are to be issued anew. */
export async function* approles(source: Side, mount: FoundMount): AsyncGenerator<Found> {
  yield* each(source, 'approle role', `${mount.path}/role`, async function* (path) {
    yield* oneRole(source, mount, path);
    yield* reading('secret id', `${path}/secret-id`, () => secretIds(source, path));
  });
}

async function* oneRole(source: Side, mount: FoundMount, path: string): AsyncGenerator<Found> {
  const view = await wholeRole(source, path);
  if (view === undefined) return;
  yield {
    kind: 'approle role',
    path,
    needs: mount.madeBy,
    wanted: pick(view, APPROLE_FIELDS),
    // False is what it is set to, where absent means true.
    onlyNew: { bind_secret_id: view['bind_secret_id'] ?? true },
    leftOut: othersThan(view, [...APPROLE_FIELDS, ...REPEATED]),
    present: async (target) => {
      const present = await wholeRole(target, path);
      return present && pick(present, APPROLE_FIELDS);
    },
  };
}

async function* secretIds(source: Side, path: string): AsyncGenerator<Found> {
  const { length } = await source.list(`${path}/secret-id`);
  if (length === 0) return;
  const left = `cannot be read (${length}): issue new ones`;
  yield { kind: 'secret id', path: `${path}/secret-id`, left, missing: false };
}

async function wholeRole(side: Side, path: string): Promise<JsonObject | undefined> {
  const role = await side.read(path);
  return role && { ...role, ...(await side.read(`${path}/role-id`)) };
}
