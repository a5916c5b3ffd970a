import { CofferError, type JsonObject, type Leaving } from '@coffer/base';
import {
  type FieldSchema,
  type FieldValues,
  listNames,
  parseFields,
  unknownFieldMessage,
  unknownFields,
} from './fields.ts';
import { LIST_FIELDS, type ListPage, listPage, WHOLE_LIST } from './list-page.ts';
import type { SentHeaders, Operation, OutgoingResponse, UnauthenticatedAccess, IncomingRequest } from './logical.ts';
import { foldName, policyName } from './names.ts';
import { damage, isDamage } from './stored.ts';
import type { TokenEntry } from './token-entry.ts';

/** A request as a path's handler sees it. `fields` holds the parsed body and the parameters of the pattern. */
export interface PathRequest<S extends FieldSchema = FieldSchema> {
  readonly id: string;
  readonly operation: Operation;
  /** Relative to the mount: `creds/my-role`. */
  readonly path: string;
  /** With trailing slash: `database/`. */
  readonly mountPath: string;
  readonly fields: FieldValues<S>;
  /**
   * For a list, the part that is asked for. A handler with many names reads only these; a whole list is cut after the handler.
   */
  readonly page: ListPage;
  /** The body as it came, with exact numbers, for paths that accept fields they do not declare. */
  readonly data: JsonObject;
  /** Absent only on paths that declare `unauthenticated`, and where the configuration has opened the path. */
  readonly token?: TokenEntry;
  /** The token as sent: for paths about the calling token itself. */
  readonly clientToken: string;
  readonly remoteAddress: string;
  /** See {@link IncomingRequest}. */
  readonly clientCertificates?: readonly Uint8Array[];
  readonly headers?: SentHeaders;
  /** How long the answer will be wrapped, in seconds; 0 when it will not be. */
  readonly wrapTtl: number;
  /** Warnings for the response may be pushed here. */
  readonly warnings: string[];
  /** Aborted when the client has gone. */
  readonly gone?: Leaving;
  /** On paths that declare `rawBody`. */
  readonly body?: AsyncIterable<Uint8Array>;
}
/** What the URL has in the place of each name of the pattern. */
export type PathParams = Readonly<Record<string, string>>;
export type PathResponse = OutgoingResponse | undefined;
export type LoginRole = (request: Pick<IncomingRequest, 'data' | 'clientCertificates'>) => Promise<string | undefined>;
export type PathHandler<S extends FieldSchema> = (request: PathRequest<S>) => Promise<PathResponse>;

/** One API path as data: its pattern, fields, operations and help. Router, help text and reference come from it. */
export interface PathDefinition<S extends FieldSchema> {
  /** Segments with `:name` for one segment and one `:name*` for one or more: `roles/:name`, `mounts/:path*\/tune`. */
  readonly pattern: string;
  readonly fields: S;
  /**
   * Parameters of the pattern that do not distinguish case. The handler gets them in lower case, and a policy must allow the
   * path both as it was sent and in lower case.
   */
  readonly foldedNames?: readonly string[];
  /** What a field that is not declared leads to: an error (`refuse`), a warning as in Vault (`warn`, default), or nothing. */
  readonly otherFields?: 'refuse' | 'warn' | 'accept';
  readonly read?: PathHandler<S>;
  /** Serves both create and update. */
  readonly write?: PathHandler<S>;
  readonly delete?: PathHandler<S>;
  /** Answers the names as `keys`; none is a 404. */
  readonly list?: PathHandler<S>;
  /**
   * Whether the thing that the URL names exists: this decides between the capabilities `create` and `update`. Without it a
   * write is an update, as on most paths of Vault: `tests/auth/capabilities-table.ts` has the table.
   */
  readonly exists?: (params: PathParams, token?: TokenEntry) => Promise<boolean>;
  /** A write brings any bytes, and the handler reads them: it is called before they have come. */
  readonly rawBody?: boolean;
  /** Serves requests without a token. */
  readonly unauthenticated?: boolean;
  /** Answers from this node's memory: such a request does not ask the store first, and is answered while the store is away. */
  readonly local?: boolean;
  /** Serves requests without a token where the configuration opens this group of paths. */
  readonly openAs?: UnauthenticatedAccess;
  /** Needs the capability `sudo`: whatever the operation, or only to list. */
  readonly sudo?: boolean | 'list';
  /** Accepts a wrapping token as the calling one; if there is no such token, the error is that of wrapping. */
  readonly takesWrappingToken?: boolean;
  /** For a login: the role that it is by, as far as the request tells; quotas may be for one role. Must be cheap. */
  readonly loginRole?: LoginRole;
  readonly synopsis: string;
  readonly description?: string;
}

/** A path with its field types erased, so that an engine's table can hold them all. */
export interface Path {
  readonly pattern: string;
  readonly fields: FieldSchema;
  readonly foldedNames: readonly string[];
  /** Fields in which a string is split at its commas. */
  readonly splitFields: ReadonlySet<string>;
  /** The policies that a request of this path names, as they are stored. */
  policiesIn(data: JsonObject): readonly string[];
  readonly operations: readonly ('read' | 'write' | 'delete' | 'list')[];
  readonly rawBody: boolean;
  readonly unauthenticated: boolean;
  readonly local: boolean;
  readonly openAs: UnauthenticatedAccess | undefined;
  readonly sudo: boolean | 'list';
  readonly takesWrappingToken: boolean;
  readonly loginRole: LoginRole | undefined;
  readonly synopsis: string;
  readonly description: string;
  /** Whether a write to what does not exist yet is a `create`. */
  readonly creates: boolean;
  /** The parameters, folded as declared, if `path` matches the pattern. The path of a list comes without its last slash. */
  match(path: string): PathParams | undefined;
  /** @throws CofferError `unsupported` for an operation that it does not have, `invalid-request` for wrong fields */
  handle(request: RawPathRequest): Promise<PathResponse>;
  exists(params: PathParams, token?: TokenEntry): Promise<boolean>;
}

export type RawPathRequest = Omit<PathRequest, 'fields' | 'page'> & { readonly params: PathParams };

export function definePath<const S extends FieldSchema>(definition: PathDefinition<S>): Path {
  const { pattern, fields, foldedNames = [], otherFields = 'warn' } = definition;
  const operations = (['read', 'write', 'delete', 'list'] as const).filter((name) => definition[name] !== undefined);

  // A write reads what it changes.
  const advised = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (definition.delete === undefined || !isDamage(error)) throw error;
      throw damage(`${error.message}; if this path writes that row, delete it and write it again`, error);
    }
  };

  const parse = (request: RawPathRequest): PathRequest<S> => {
    const known = request.operation === 'list' ? { ...LIST_FIELDS, ...fields } : fields;
    const unknown = unknownFields(known, request.data);
    if (unknown[0] !== undefined && otherFields === 'refuse') {
      throw new CofferError('invalid-request', unknownFieldMessage(unknown[0], Object.keys(fields)));
    }
    if (unknown.length > 0 && otherFields === 'warn') {
      request.warnings.push(`Endpoint ignored these unrecognized parameters: [${listNames(unknown)}]`);
    }
    const page = request.operation === 'list' ? parseFields(LIST_FIELDS, request.data) : WHOLE_LIST;
    return { ...request, page, fields: parseFields(fields, { ...request.data, ...request.params }) };
  };

  return {
    pattern,
    fields,
    foldedNames,
    splitFields: splitFields(fields),
    policiesIn: (data) => policiesIn(fields, data),
    operations,
    creates: definition.exists !== undefined,
    rawBody: definition.rawBody ?? false,
    unauthenticated: definition.unauthenticated ?? false,
    local: definition.local ?? false,
    openAs: definition.openAs,
    sudo: definition.sudo ?? false,
    takesWrappingToken: definition.takesWrappingToken ?? false,
    loginRole: definition.loginRole,
    synopsis: definition.synopsis,
    description: definition.description ?? '',
    match: compilePattern(pattern, foldedNames),
    async handle(request) {
      const operation = request.operation === 'create' || request.operation === 'update' ? 'write' : request.operation;
      const handler = operation === 'help' ? undefined : definition[operation];
      if (handler === undefined) throw new CofferError('unsupported', 'unsupported operation');
      const parsed = parse(request);
      const isWrite = operation === 'write';
      const response = await (isWrite ? advised(() => handler(parsed)) : handler(parsed));
      return operation !== 'list' || response === undefined ? response : listPage(response, parsed.page);
    },
    async exists(params, token) {
      const { exists } = definition;
      return exists === undefined || advised(() => exists(params, token));
    },
  };
}

function splitFields(fields: FieldSchema): ReadonlySet<string> {
  return new Set(Object.keys(fields).filter((name) => fields[name]?.type === 'comma-strings'));
}

function policiesIn(fields: FieldSchema, data: JsonObject): readonly string[] {
  const naming = Object.entries(fields).filter(([name, field]) => field.policies === true && Object.hasOwn(data, name));
  const given = parseFields(Object.fromEntries(naming), data) as Readonly<
    Record<string, readonly string[] | undefined>
  >;
  const names = Object.values(given).flatMap((policies = []) => policies.map(policyName));
  return [...new Set(names)].filter((name) => name !== '').sort();
}

/** Matches segment by segment, exactly: the parameters that come out are text that the policy has seen too. */
function compilePattern(pattern: string, foldedNames: readonly string[]): Path['match'] {
  // The mount itself.
  if (pattern === '') return (path) => (path === '' ? {} : undefined);
  const parts = pattern.split('/').map((part) => {
    const name = part.startsWith(':') ? part.replace(/^:|\*$/g, '') : undefined;
    return { literal: part, name, many: name !== undefined && part.endsWith('*') };
  });
  const many = parts.findIndex((part) => part.many);
  const head = pattern.split(':', 1)[0] ?? '';
  return (path) => {
    // Cheap, and it rules out most patterns of an engine.
    if (!path.startsWith(head)) return undefined;
    const segments = path.split('/');
    const extra = segments.length - parts.length;
    if (extra < 0 || (extra > 0 && many === -1) || segments.includes('')) return undefined;
    const params: Record<string, string> = {};
    for (const [index, { literal, name }] of parts.entries()) {
      const from = many !== -1 && index > many ? index + extra : index;
      const text = segments.slice(from, index === many ? from + extra + 1 : from + 1).join('/');
      if (name === undefined && text !== literal) return undefined;
      if (name !== undefined) params[name] = foldedNames.includes(name) ? foldName(text) : text;
    }
    return params;
  };
}

/** Whether an operation on a path needs the capability `sudo`. */
export function needsSudo({ sudo }: Pick<Path, 'sudo'>, operation: Operation | 'write'): boolean {
  return sudo === true || (sudo === 'list' && operation === 'list');
}

/** The first path of a table that matches `relative`. The path of a list, or of help, may end in a slash. */
export function findPath(
  paths: readonly Path[],
  relative: string,
  operation: IncomingRequest['operation'],
): { readonly path: Path; readonly params: PathParams } | undefined {
  const bare = operation === 'list' || operation === 'help' ? relative.replace(/\/$/, '') : relative;
  for (const path of paths) {
    const params = path.match(bare);
    if (params !== undefined) return { path, params };
  }
  return undefined;
}
