import { CofferError, isJsonObject, type JsonObject, parseDuration } from '@coffer/base';
import { type CoreServices, definePath, type Mount, normalizeMountPath, type Path } from '@coffer/core';
import { mountView, mountViews } from './mount-view.ts';

/** `sys/mounts`, `sys/mounts/:path`, `sys/mounts/:path/tune`, `sys/auth`. */
export function mountsPaths(services: CoreServices): Path[] {
  return [listMounts(services), listAuth(services), tuneMount(services), oneMount(services)];
}

function listMounts(services: CoreServices): Path {
  return definePath({
    pattern: 'mounts',
    fields: {},
    synopsis: 'Lists the mounted secrets engines.',
    read: async () => ({ shape: 'flat', data: mountViews(services.mounts().list(false)) }),
  });
}

function listAuth(services: CoreServices): Path {
  return definePath({
    pattern: 'auth',
    fields: {},
    synopsis: 'Lists the enabled auth methods.',
    read: async () => ({ shape: 'flat', data: mountViews(services.mounts().list(true)) }),
  });
}

function oneMount(services: CoreServices): Path {
  return definePath({
    pattern: 'mounts/:path*',
    fields: {
      path: { type: 'string', required: true, description: 'Where to mount: "database".' },
      type: { type: 'string', description: 'The engine\'s type: "database".' },
      description: { type: 'string', default: '', description: 'Description for people.' },
      config: { type: 'object', default: {}, description: 'default_lease_ttl, max_lease_ttl, force_no_cache.' },
      options: { type: 'object', description: 'Options of the engine.' },
      local: { type: 'boolean', default: false, description: 'Kept for compatibility: there is no replication.' },
      seal_wrap: { type: 'boolean', default: false, description: 'Kept for compatibility: every value is sealed.' },
      external_entropy_access: { type: 'boolean', default: false, description: 'Kept for compatibility.' },
      plugin_name: { type: 'string', description: 'Older spelling of type.' },
      plugin_version: { type: 'string', description: 'Kept for compatibility: engines are built in.' },
    },
    synopsis: 'Mounts, shows or unmounts a secrets engine.',
    exists: async ({ fields }) => services.mounts().get(normalizeMountPath(fields.path)) !== undefined,
    read: async ({ fields }) => {
      const mount = services.mounts().get(normalizeMountPath(fields.path));
      if (mount === undefined) throw new CofferError('invalid-request', `no secrets engine mounted at ${fields.path}`);
      return { data: mountView(mount) };
    },
    write: async ({ fields }) => {
      const type = fields.type ?? fields.plugin_name ?? '';
      if (type === '')
        throw new CofferError('invalid-request', 'missing type: name the engine to mount, as in "database"');
      const { path, description, local, seal_wrap, options } = fields;
      await services.mounts().enable(path, type, {
        description,
        local,
        seal_wrap,
        options: options ?? null,
        config: mountConfig(fields.config),
      });
      return undefined;
    },
    delete: async ({ fields }) => {
      await services.mounts().disable(fields.path, (path) => services.leases.revokePrefix(path));
      return undefined;
    },
  });
}

function tuneMount(services: CoreServices): Path {
  const find = (path: string): Mount => {
    const mount = services.mounts().get(normalizeMountPath(path));
    if (mount === undefined) throw new CofferError('invalid-request', `no mount at ${normalizeMountPath(path)}`);
    return mount;
  };
  return definePath({
    pattern: 'mounts/:path*/tune',
    fields: {
      path: { type: 'string', required: true, description: 'The mount: "database".' },
      default_lease_ttl: { type: 'any', description: 'Default TTL of leases: seconds, "1h", or "system".' },
      max_lease_ttl: { type: 'any', description: 'Maximum TTL of leases: seconds, "24h", or "system".' },
      description: { type: 'string', description: 'Description for people.' },
      options: { type: 'object', description: 'Options of the engine.' },
    },
    synopsis: 'Shows or changes the tuning of a mount.',
    read: async ({ fields }) => {
      const { config, description } = find(fields.path);
      return {
        shape: 'flat',
        data: {
          default_lease_ttl: config.default_lease_ttl || services.systemTtl.defaultTtl,
          description,
          force_no_cache: config.force_no_cache,
          max_lease_ttl: config.max_lease_ttl || services.systemTtl.maxTtl,
        },
      };
    },
    write: async ({ fields, data }) => {
      const { config, ...mount } = find(fields.path);
      await services.mounts().tune(fields.path, () => ({
        ...mount,
        config: mountConfig(data, config),
        description: fields.description ?? mount.description,
        options: fields.options ?? mount.options,
      }));
      return undefined;
    },
  });
}

function mountConfig(given: JsonObject, previous?: Mount['config']): Mount['config'] {
  const config = isJsonObject(given) ? given : {};
  const ttl = (name: 'default_lease_ttl' | 'max_lease_ttl'): number => {
    const value = config[name];
    if (value === undefined || value === null) return previous?.[name] ?? 0;
    if (value === 'system' || value === '') return 0;
    if (typeof value === 'string' || typeof value === 'number') return parseDuration(value, name);
    throw new CofferError('invalid-request', `field "${name}" must be a duration such as 3600, "1h" or "system"`);
  };
  const merged = {
    default_lease_ttl: ttl('default_lease_ttl'),
    max_lease_ttl: ttl('max_lease_ttl'),
    force_no_cache: config['force_no_cache'] === true,
  };
  if (merged.max_lease_ttl > 0 && merged.default_lease_ttl > merged.max_lease_ttl) {
    throw new CofferError(
      'invalid-request',
      `field "default_lease_ttl": ${merged.default_lease_ttl} s is more than max_lease_ttl, ${merged.max_lease_ttl} s`,
    );
  }
  return merged;
}
