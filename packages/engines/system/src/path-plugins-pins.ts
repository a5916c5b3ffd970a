import { CofferError } from '@coffer/base';
import {
  canonicalPluginVersion,
  definePath,
  isBuiltinPluginVersion,
  parsePluginType,
  type Path,
  type PluginPin,
  type PluginPins,
} from '@coffer/framework';

/** `sys/plugins/pins`, `sys/plugins/pins/:type/:name`. */
export function pluginsPinsPaths(pins: PluginPins): Path[] {
  return [
    definePath({
      pattern: 'plugins/pins',
      fields: {},
      synopsis: 'Lists the pinned plugin versions.',
      read: async () => ({ data: { pinned_versions: (await pins.list()).map(pinView) } }),
    }),
    definePath({
      pattern: 'plugins/pins/:type/:name',
      fields: {
        type: { type: 'string', required: true, description: 'auth, database or secret.' },
        name: { type: 'string', required: true, description: "The plugin's name in the catalog." },
        version: { type: 'string', default: '', description: 'A version registered in the catalog.' },
      },
      synopsis:
        'Pins a plugin to a version: everything that uses the plugin runs this version from its next start or reload on.',
      read: async ({ fields }) => {
        const pin = await pins.get(parsePluginType(fields.type), fields.name);
        if (pin !== undefined) return { data: pinView(pin) };
        throw new CofferError('not-found', 'no pinned version for this plugin');
      },
      write: async ({ fields }) => {
        const version = canonicalPluginVersion(fields.version);
        if (version === '') throw new CofferError('invalid-request', 'missing plugin version');
        if (isBuiltinPluginVersion(version)) {
          throw new CofferError('invalid-request', `cannot pin a builtin plugin: ${JSON.stringify(version)}`);
        }
        await pins.set({ type: parsePluginType(fields.type), name: fields.name, version });
        return undefined;
      },
      delete: async ({ fields }) => {
        await pins.delete(parsePluginType(fields.type), fields.name);
        return undefined;
      },
    }),
  ];
}

function pinView({ name, type, version }: PluginPin) {
  return { name, type, version };
}
