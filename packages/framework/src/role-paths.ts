import { CofferError, type JsonObject } from '@coffer/base';
import type { EngineContext } from './engine.ts';
import type { Entries } from './entry-storage.ts';
import type { FieldSchema, FieldValues } from './fields.ts';
import { definePath, type Path } from './path.ts';
import { checkTokenLimits } from './token-limits.ts';
import type { TokenParameters } from './token-parameters.ts';

/** What says who logs in at an auth method, and what they become: its roles, or what it calls so. */
export interface RoleKind<S extends FieldSchema, Role extends { readonly token: TokenParameters }> {
  /** Where they are, in the URL and in the store: `role`. */
  readonly pattern: string;
  readonly roles: Entries<Role>;
  /** Of a role, besides its name. */
  readonly fields: S;
  readonly synopsis: { readonly list: string; readonly one: string };
  readonly initial: Role;
  /** `previous`, changed as `fields` says; may be asked more than once. @throws CofferError `invalid-request` */
  readonly change: (previous: Role, fields: FieldValues<S>, name: string) => Role;
  /** What takes time to find out of a role that is to be written. @throws CofferError `invalid-request` */
  readonly check?: (role: Role) => Promise<void>;
  readonly view: (role: Role) => JsonObject;
  /** See {@link checkTokenLimits}. Default: refuse. */
  readonly longPeriod?: 'refuse' | 'warn';
  /** Whether the first write of one needs the capability `create`. Default: true. */
  readonly creates?: boolean;
}

const NAME = { type: 'string', required: true, description: 'The name of the role.' } as const;

/** `role` (LIST), `role/:name`: each read, written field by field, and deleted. Names do not distinguish case. */
export function pathsOfRoles<const S extends FieldSchema, Role extends { readonly token: TokenParameters }>(
  { storage, ttlLimits }: Pick<EngineContext, 'storage' | 'ttlLimits'>,
  kind: RoleKind<S, Role>,
): Path[] {
  const { pattern, roles, fields, synopsis, initial, change, check, view, creates = true, longPeriod } = kind;
  const write = async (name: string, given: FieldValues<S>, warnings: string[]): Promise<undefined> => {
    const changed = (role: Role): Role => change(role, given, name);
    const known = await roles.get(name);
    const next = changed(known ?? initial);
    await check?.(next);
    warnings.push(...checkTokenLimits(next.token, ttlLimits(), longPeriod));
    // Two who make it at once: the second one changes what the first has made.
    if (known === undefined && (await roles.add(name, changed(initial)))) return undefined;
    if ((await roles.update(name, changed)) !== undefined) return undefined;
    throw new CofferError('not-found', `${pattern} ${JSON.stringify(name)} was deleted meanwhile`);
  };
  const nameIn = (request: { readonly fields: FieldValues<{ readonly name: typeof NAME }> }): string =>
    request.fields.name;
  return [
    definePath({
      pattern,
      fields: {},
      synopsis: synopsis.list,
      list: async ({ page }) => ({ data: { keys: await storage.list(`${pattern}/`, page) } }),
    }),
    definePath<S & { readonly name: typeof NAME }>({
      pattern: `${pattern}/:name`,
      foldedNames: ['name'],
      fields: { name: NAME, ...fields },
      synopsis: synopsis.one,
      ...(creates && { exists: async ({ name = '' }) => (await roles.get(name)) !== undefined }),
      read: async (request) => {
        const role = await roles.get(nameIn(request));
        return role && { data: view(role) };
      },
      write: (request) => write(nameIn(request), request.fields, request.warnings),
      delete: async (request) => {
        await roles.delete(nameIn(request));
        return undefined;
      },
    }),
  ];
}
