import { CofferError, type JsonObject } from '@coffer/base';
import { type FieldSchema, type FieldValues, parseFields, unknownFieldMessage, unknownFields } from './fields.ts';
import { LIST_FIELDS, type ListPage, listPage, WHOLE_LIST } from './list-page.ts';
import type { Operation, OutgoingResponse } from './logical.ts';
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
   * Of a list, the part that is asked for. Whoever keeps many names reads only these; a whole list is cut behind the handler.
   */
  readonly page: ListPage;
  /** The body as it came, for paths that take fields they do not declare. */
  readonly data: JsonObject;
  /** Absent only on paths that declare `unauthenticated`. */
  readonly token?: TokenEntry;
  /** The token as sent: for token self paths. */
  readonly clientToken: string;
  readonly remoteAddress: string;
  /** Seconds that the answer will be wrapped for; 0 when it will not. */
  readonly wrapTtl: number;
  /** Warnings for the response may be pushed here. */
  readonly warnings: string[];
}
export type PathResponse = OutgoingResponse | undefined;
export type PathHandler<S extends FieldSchema> = (request: PathRequest<S>) => Promise<PathResponse>;

/** One API path as data: its pattern, fields, operations and help. Router, help text and reference come from it. */
export interface PathDefinition<S extends FieldSchema> {
  /** Segments with `:name` for one segment and `:name*` at the end for the rest: `roles/:name`, `leases/lookup/:prefix*`. */
  readonly pattern: string;
  readonly fields: S;
  /** What a field that is not declared does: an error (`refuse`), a warning as in Vault (`warn`, default), or nothing. */
  readonly otherFields?: 'refuse' | 'warn' | 'accept';
  readonly read?: PathHandler<S>;
  /** Serves both create and update. */
  readonly write?: PathHandler<S>;
  readonly delete?: PathHandler<S>;
  readonly list?: PathHandler<S>;
  /** Whether the thing exists: decides between the capabilities `create` and `update`. Without it a write is an update. */
  readonly exists?: (request: PathRequest<S>) => Promise<boolean>;
  /** Serves requests without a token. */
  readonly unauthenticated?: boolean;
  /** Needs the capability `sudo`. */
  readonly sudo?: boolean;
  /** Takes a wrapping token as the calling one, and says in wrapping's words that there is no such. */
  readonly takesWrappingToken?: boolean;
  readonly synopsis: string;
  readonly description?: string;
}

/** A path with its field types erased, so that an engine's table can hold them all. */
export interface Path {
  readonly pattern: string;
  readonly fields: FieldSchema;
  readonly operations: readonly ('read' | 'write' | 'delete' | 'list')[];
  readonly unauthenticated: boolean;
  readonly sudo: boolean;
  readonly takesWrappingToken: boolean;
  readonly synopsis: string;
  readonly description: string;
  /** The pattern's parameters when `path` matches. */
  match(path: string): Readonly<Record<string, string>> | undefined;
  /** @throws CofferError `unsupported` for an operation it does not have, `invalid-request` for its fields */
  handle(request: RawPathRequest): Promise<PathResponse>;
  exists(request: RawPathRequest): Promise<boolean>;
}

export type RawPathRequest = Omit<PathRequest, 'fields' | 'page'> & {
  readonly params: Readonly<Record<string, string>>;
};

export function definePath<const S extends FieldSchema>(definition: PathDefinition<S>): Path {
  const { pattern, fields, otherFields = 'warn' } = definition;
  const operations = (['read', 'write', 'delete', 'list'] as const).filter((name) => definition[name] !== undefined);

  const parse = (request: RawPathRequest): PathRequest<S> => {
    const known = request.operation === 'list' ? { ...LIST_FIELDS, ...fields } : fields;
    const unknown = unknownFields(known, request.data);
    if (unknown[0] !== undefined && otherFields === 'refuse') {
      throw new CofferError('invalid-request', unknownFieldMessage(unknown[0], Object.keys(fields)));
    }
    if (unknown.length > 0 && otherFields === 'warn') {
      request.warnings.push(`Endpoint ignored these unrecognized parameters: [${unknown.sort().join(' ')}]`);
    }
    const { params, ...rest } = request;
    const page = request.operation === 'list' ? parseFields(LIST_FIELDS, request.data) : WHOLE_LIST;
    return { ...rest, page, fields: parseFields(fields, { ...request.data, ...params }) };
  };

  return {
    pattern,
    fields,
    operations,
    unauthenticated: definition.unauthenticated ?? false,
    sudo: definition.sudo ?? false,
    takesWrappingToken: definition.takesWrappingToken ?? false,
    synopsis: definition.synopsis,
    description: definition.description ?? '',
    match: compilePattern(pattern),
    async handle(request) {
      const operation = request.operation === 'create' || request.operation === 'update' ? 'write' : request.operation;
      const handler = operation === 'help' ? undefined : definition[operation];
      if (handler === undefined) throw new CofferError('unsupported', 'unsupported operation');
      const parsed = parse(request);
      const response = await handler(parsed);
      return operation !== 'list' || response === undefined ? response : listPage(response, parsed.page);
    },
    async exists(request) {
      return definition.exists === undefined ? true : definition.exists(parse({ ...request, warnings: [] }));
    },
  };
}

function compilePattern(pattern: string): Path['match'] {
  const source = pattern
    .split('/')
    .map((segment) => {
      if (!segment.startsWith(':')) return segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      const rest = segment.endsWith('*');
      return rest ? `(?<${segment.slice(1, -1)}>.+)` : `(?<${segment.slice(1)}>[^/]+)`;
    })
    .join('/');
  const regex = new RegExp(`^${source}/?$`);
  return (path) => {
    const found = regex.exec(path);
    return found === null ? undefined : { ...found.groups };
  };
}
