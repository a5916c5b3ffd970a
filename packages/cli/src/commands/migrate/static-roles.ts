import { CofferError, formatTime, type JsonObject, parseTime, Secret } from '@coffer/base';
import { STATIC_ROLE_FIELDS } from './carried-fields.ts';
import { othersThan, pick } from './fields.ts';
import type { Found, Item } from './item.ts';
import type { FoundMount } from './mounts.ts';
import { each } from './reading.ts';
import { endsTheMove, type Side } from './side.ts';

/** What a server says of one by itself. */
const ABOUT = ['last_vault_rotation', 'ttl', 'skip_import_rotation', 'next_vault_rotation'];

/** The static roles of one database mount, each with the password that it has now. */
export async function* staticRoles(source: Side, mount: FoundMount): AsyncGenerator<Found> {
  yield* each(source, 'static role', `${mount.path}/static-roles`, async function* (path, name) {
    const view = await source.read(path);
    if (view !== undefined) yield await staticRole(source, mount, name, view);
  });
}

async function staticRole(source: Side, mount: FoundMount, name: string, view: JsonObject): Promise<Item> {
  const path = `${mount.path}/static-roles/${name}`;
  const credsPath = `${mount.path}/static-creds/${name}`;
  const creds = await readCreds(source, credsPath);
  return {
    kind: 'static role',
    path,
    needs: `${mount.path}/config/${typeof view['db_name'] === 'string' ? view['db_name'] : ''}`,
    fixed: ['username', 'db_name'],
    wanted: pick(view, STATIC_ROLE_FIELDS),
    onlyNew: { skip_import_rotation: true, ...lastRotation(creds) },
    ...('refused' in creds
      ? { blocked: `its password cannot be read, and making it without would rotate: ${creds.refused}` }
      : { secrets: { password: creds.password } }),
    leftOut: othersThan(view, [...STATIC_ROLE_FIELDS, ...ABOUT]),
    present: async (target) => {
      const present = await target.read(path);
      return present && pick(present, STATIC_ROLE_FIELDS);
    },
    alsoDiffers: async (target) => {
      const here = await readCreds(target, credsPath);
      if ('refused' in creds || 'refused' in here) return undefined;
      if (creds.password.reveal() === here.password.reveal()) return undefined;
      return 'the password differs: one of the two servers has rotated it since; only the last one logs in';
    },
  };
}

type Creds = { readonly password: Secret; readonly rotated: number | undefined } | { readonly refused: string };

/** @throws CofferError when the server cannot be reached, or is sealed */
async function readCreds(side: Side, path: string): Promise<Creds> {
  try {
    const { password, last_vault_rotation: rotated } = (await side.read(path)) ?? {};
    if (typeof password !== 'string' || password === '') return { refused: `${path} shows none` };
    return { password: new Secret(password), rotated: typeof rotated === 'string' ? parseTime(rotated) : undefined };
  } catch (thrown) {
    if (endsTheMove(thrown)) throw thrown;
    return { refused: CofferError.from(thrown).message };
  }
}

/** When it was changed last, cut to milliseconds; absent where the source has never rotated it, which Vault shows as the year 1. */
function lastRotation(creds: Creds): JsonObject {
  if ('refused' in creds || creds.rotated === undefined || creds.rotated <= 0) return {};
  return { last_vault_rotation: formatTime(creds.rotated) };
}
