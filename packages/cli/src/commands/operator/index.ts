import type { CommandGroup } from '../../command.ts';
import { operatorGenerateRoot } from './generate-root.ts';
import { operatorInit } from './init.ts';
import { operatorKeyStatus } from './key-status.ts';
import { operatorMembers } from './members.ts';
import { operatorRekey } from './rekey.ts';
import { operatorRotate } from './rotate.ts';
import { operatorSeal } from './seal.ts';
import { operatorRaft, operatorSnapshot } from './snapshot/index.ts';
import { operatorStepDown } from './step-down.ts';
import { operatorUnseal } from './unseal.ts';

export const operator: CommandGroup = {
  name: 'operator',
  synopsis: 'Initialize, seal and unseal a server',
  description: 'Commands for operators and for holders of key shares.',
  examples: [
    { caption: 'Initialize a new server:', command: 'operator init' },
    { caption: 'Unseal it:', command: 'operator unseal' },
  ],
  commands: [
    operatorGenerateRoot,
    operatorInit,
    operatorKeyStatus,
    operatorMembers,
    operatorRaft,
    operatorRekey,
    operatorRotate,
    operatorSeal,
    operatorSnapshot,
    operatorStepDown,
    operatorUnseal,
  ],
};
