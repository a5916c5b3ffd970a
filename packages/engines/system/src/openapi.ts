import { type JsonObject, trimEndOf } from '@coffer/base';
import { type Field, type FieldSchema, LIST_FIELDS, type Mount, needsSudo, type Path } from '@coffer/framework';

export interface MountedPaths {
  readonly mount: Mount;
  readonly paths: readonly Path[];
}

/** JSON schema types of the fields. A duration may be a number or text such as "1h", as everywhere in this API. */
const TYPES: Readonly<Record<Field['type'], JsonObject>> = {
  string: { type: 'string' },
  integer: { type: 'integer' },
  number: { type: 'number' },
  boolean: { type: 'boolean' },
  duration: { oneOf: [{ type: 'integer' }, { type: 'string' }] },
  strings: { type: 'array', items: { type: 'string' } },
  'comma-strings': { type: 'array', items: { type: 'string' } },
  object: { type: 'object', additionalProperties: true },
  any: {},
};

/** An OpenAPI 3.0 document of what is mounted, made from the very tables that the router uses. */
export function openapiDocument(mounted: readonly MountedPaths[], version: string): JsonObject {
  const items = mounted.flatMap(({ mount, paths }) =>
    paths.map((path): [string, JsonObject] => [
      trimEndOf(`/${mount.path}${template(path.pattern)}`, '/'),
      pathItem(mount, path),
    ]),
  );
  return {
    openapi: '3.0.3',
    info: {
      title: 'Coffer',
      description: "Vault's HTTP API as this server has it mounted.",
      version,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: '/v1' }],
    security: [{ token: [] }],
    tags: mounted.map(({ mount }) => ({
      name: mount.path,
      description: mount.description || `${mount.type} at ${mount.path}`,
    })),
    paths: Object.fromEntries(items),
    components: {
      securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'X-Vault-Token' } },
      responses: {
        error: {
          description: 'What was wrong.',
          content: json({ type: 'object', properties: { errors: { type: 'array', items: { type: 'string' } } } }),
        },
      },
    },
  };
}

/** `roles/:name` → `roles/{name}`. */
function template(pattern: string): string {
  return pattern.replace(/:(\w+)\*?/g, '{$1}');
}

function pathItem(mount: Mount, path: Path): JsonObject {
  const inUrl = [...path.pattern.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  const parameters = inUrl.map((name) => ({
    name,
    in: 'path',
    required: true,
    ...described(path.fields[name] ?? { type: 'string', description: name }),
  }));
  const body = Object.entries(path.fields).filter(([name]) => !inUrl.includes(name));
  const has = (operation: Path['operations'][number]): boolean => path.operations.includes(operation);
  const operation = (verb: Path['operations'][number], rest: JsonObject): JsonObject => ({
    operationId: operationId(verb, mount, path),
    summary: path.synopsis,
    ...(path.description !== '' && { description: path.description }),
    tags: [mount.path],
    ...(path.unauthenticated && { security: [] }),
    ...(needsSudo(path, verb) && { 'x-vault-sudo': true }),
    responses: {
      '200': { description: 'OK', content: json({ type: 'object', additionalProperties: true }) },
      '204': { description: 'Done; there is nothing to return.' },
      '4XX': { $ref: '#/components/responses/error' },
    },
    ...rest,
  });
  return {
    ...(parameters.length > 0 && { parameters }),
    ...((has('read') || has('list')) && {
      get: operation(has('read') ? 'read' : 'list', getParameters(has('read'), has('list'), Object.fromEntries(body))),
    }),
    ...(has('write') && {
      post: operation('write', body.length > 0 ? { requestBody: { content: json(objectSchema(body)) } } : {}),
    }),
    ...(has('delete') && { delete: operation('delete', {}) }),
  };
}

/** GET reads, or lists with `list=true`, for clients that cannot send the verb LIST. */
function getParameters(read: boolean, list: boolean, fields: FieldSchema): JsonObject {
  const query = ([name, field]: [string, Field]) => ({ name, in: 'query', ...described(field) });
  const fromFields = read ? Object.entries(fields).map(query) : [];
  const listing = list
    ? [
        {
          name: 'list',
          in: 'query',
          required: !read,
          description: 'Must be true to list.',
          schema: { type: 'string', enum: ['true'] },
        },
        ...Object.entries(LIST_FIELDS).map(query),
      ]
    : [];
  return fromFields.length + listing.length > 0 ? { parameters: [...fromFields, ...listing] } : {};
}

function operationId(verb: string, mount: Mount, path: Path): string {
  const words = `${verb}/${mount.path}${path.pattern}`.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  return words.join('-');
}

function objectSchema(fields: readonly [string, Field][]): JsonObject {
  const required = fields.filter(([, field]) => field.required === true).map(([name]) => name);
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map(([name, field]) => [name, schemaOf(field)])),
    ...(required.length > 0 && { required }),
  };
}

function schemaOf(field: Field): JsonObject {
  return {
    ...TYPES[field.type],
    description: field.description,
    ...(field.default !== undefined && { default: field.default }),
  };
}

function described(field: Field): JsonObject {
  return {
    description: field.description,
    schema: { ...TYPES[field.type], ...(field.default !== undefined && { default: field.default }) },
  };
}

function json(schema: JsonObject): JsonObject {
  return { 'application/json': { schema } };
}
