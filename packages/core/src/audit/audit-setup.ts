import type { DevicePlace } from '@coffer/audit';
import type { Logger } from '@coffer/base';
import { createEntryStorage, type EntryStorageParts } from '../barrier/entry-storage.ts';
import type { Epochs } from '../epochs/epochs.ts';
import { Audit, type AuditOptions, type AuditRules } from './audit.ts';
import type { ConfiguredDevice } from './device-table.ts';

/** What the configuration of a node says. It may be read again while the seal is open. */
export interface AuditSetup {
  readonly devices: () => readonly ConfiguredDevice[];
  readonly rules: () => AuditRules;
  readonly place: DevicePlace;
}

const NOTHING: AuditSetup = { devices: () => [], rules: () => ({}), place: { reserved: () => [] } };

/** In the store. */
const MOUNT = 'core/audit';

interface AuditParts extends Pick<AuditOptions, 'takeBack'> {
  readonly entries: EntryStorageParts;
  readonly epochs: Epochs;
  readonly setup: AuditSetup | undefined;
  readonly logger: Logger;
}

/** What is written to its entries on one node is in force on every other before its next request. */
export function createAudit({ entries, epochs, setup = NOTHING, takeBack, logger }: AuditParts): Audit {
  const audit = new Audit({
    storage: createEntryStorage(entries, MOUNT),
    configured: setup.devices,
    rules: setup.rules,
    place: setup.place,
    catchUp: () => epochs.refresh(),
    takeBack,
    metrics: entries.metrics,
    logger,
  });
  entries.kept.follow(MOUNT, () => audit.load());
  return audit;
}
