import type { CommandGroup } from '../../command.ts';
import { auditDisable } from './disable.ts';
import { auditEnable } from './enable.ts';
import { auditList } from './list.ts';

export const audit: CommandGroup = {
  name: 'audit',
  synopsis: 'Manage audit devices',
  description: `
    An audit device logs each request and each response. Once one is enabled, requests that no device can log are
    refused: enable more than one.`,
  examples: [
    { caption: 'List all enabled audit devices:', command: 'audit list' },
    { caption: 'Enable a device that writes to a file:', command: 'audit enable file file_path=/var/log/audit.log' },
  ],
  commands: [auditDisable, auditEnable, auditList],
};
