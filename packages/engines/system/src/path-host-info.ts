import { definePath, type Path } from '@coffer/framework';
import { hostInfo } from './host-info.ts';

/** `sys/host-info` */
export function hostInfoPaths(): Path[] {
  return [
    definePath({
      pattern: 'host-info',
      fields: {},
      synopsis: 'Shows the machine of the node that answers: its processors, disks and memory.',
      description: 'What cannot be determined on this kind of machine is left out.',
      read: async ({ warnings }) => ({ data: await hostInfo(warnings) }),
    }),
  ];
}
