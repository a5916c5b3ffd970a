import type { CommandGroup } from '../../command.ts';
import { pluginDeregister } from './deregister.ts';
import { pluginInfo } from './info.ts';
import { pluginList } from './list.ts';
import { pluginRegister } from './register.ts';
import { pluginReload } from './reload.ts';
import { pluginReloadStatus } from './reload-status.ts';

export const plugin: CommandGroup = {
  name: 'plugin',
  synopsis: 'Manage the plugin catalog',
  description: `
    The catalog lists the plugins that the server may run, each with the SHA-256 of its executable. TYPE is "auth",
    "database" or "secret".`,
  examples: [
    { caption: 'List the database plugins:', command: 'plugin list database' },
    { caption: 'Register a plugin:', command: 'plugin register -sha256=d3f0a8be database my-plugin' },
  ],
  commands: [pluginDeregister, pluginInfo, pluginList, pluginRegister, pluginReload, pluginReloadStatus],
};
