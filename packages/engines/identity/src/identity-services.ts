import type { CoreServices } from '@coffer/core';

/** What the engine works with. */
export type IdentityServices = Pick<CoreServices, 'identity' | 'mounts'>;
