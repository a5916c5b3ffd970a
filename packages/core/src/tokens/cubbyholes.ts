import { CofferError, type JsonObject, isJsonObject } from '@coffer/base';
import { type Cubbyholes, type EntryStorage, stored, validToken } from '@coffer/framework';

/** Of one token. */
const MAX_NAMES = 1_000;
const MAX_BYTES = 1024 * 1024;

interface CubbyholeEntry {
  /** Each an object, by its name. */
  readonly values: JsonObject;
}
const { entry, object } = stored;
const CUBBYHOLE = entry<CubbyholeEntry>({ values: object() });

/**
 * `storage`: one entry for each token, by its id, since the transaction that ends a token deletes by that. The entry is there
 * only as long as the token: nobody can put anything into the cubbyhole of one that has ended.
 */
export function createCubbyholes(storage: EntryStorage): Cubbyholes {
  const entries = storage.of('', CUBBYHOLE);
  return {
    of({ id, type }) {
      const kind: string = type;
      if (kind !== 'service') {
        const text = 'cubbyhole operations are only supported by "service" type tokens';
        throw new CofferError('invalid-request', text);
      }
      return {
        async get(name) {
          const value = (await entries.get(id))?.values[name];
          return value !== undefined && isJsonObject(value) ? value : undefined;
        },
        async put(name, value) {
          const first = bounded({ values: { [name]: value } });
          for (;;) {
            const present = await entries.update(id, ({ values }) => bounded({ values: { ...values, [name]: value } }));
            if (present !== undefined || (await entries.addWhile(id, first, [validToken(id)]))) return;
            // Another request of the token may have been first.
            if ((await entries.get(id)) === undefined) throw new CofferError('permission-denied', 'permission denied');
          }
        },
        async delete(name) {
          const others = (values: JsonObject) => Object.entries(values).filter(([each]) => each !== name);
          await entries.update(id, ({ values }) => ({ values: Object.fromEntries(others(values)) }));
        },
        async list(prefix) {
          const names = Object.keys((await entries.get(id))?.values ?? {}).filter((name) => name.startsWith(prefix));
          return [...new Set(names.map((name) => levelOf(name.slice(prefix.length))))].sort();
        },
      };
    },
  };
}

function levelOf(name: string): string {
  const slash = name.indexOf('/');
  return slash < 0 ? name : name.slice(0, slash + 1);
}

/** @throws CofferError `invalid-request` for more than a token may keep */
function bounded(cubbyhole: CubbyholeEntry): CubbyholeEntry {
  const { values } = cubbyhole;
  if (Object.keys(values).length <= MAX_NAMES && Buffer.byteLength(JSON.stringify(values)) <= MAX_BYTES)
    return cubbyhole;
  const most = `${MAX_NAMES} names and ${MAX_BYTES / 1024 / 1024} MiB`;
  throw new CofferError('invalid-request', `the cubbyhole of this token is full: it can store ${most}`);
}
