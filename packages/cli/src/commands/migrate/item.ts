import type { JsonObject, Secret } from '@coffer/base';
import type { Side } from './side.ts';

export type Kind =
  | 'policy'
  | 'password policy'
  | 'secrets engine'
  | 'auth method'
  | 'connection'
  | 'static role'
  | 'role'
  | 'approle role'
  | 'secret id'
  | 'lease'
  | 'namespace';

/** One thing of the source that can be written to the target. */
export interface Item {
  readonly kind: Kind;
  /** Where it is written, without `/v1/`: `database/roles/app`. */
  readonly path: string;
  /** Its fields as the target shows them, to be compared. */
  readonly wanted: JsonObject;
  /** Sent beside them when it is made: what no server shows, or only a new one takes. */
  readonly onlyNew?: JsonObject;
  /** As `onlyNew`. */
  readonly secrets?: Readonly<Record<string, Secret>>;
  /** Names of fields that cannot be changed: where they differ, it is another thing of the same name. */
  readonly fixed?: readonly string[];
  /** The path of another item without which this one cannot be. */
  readonly needs?: string;
  /** Names of fields that the source has and the target does not know. */
  readonly leftOut?: readonly string[];
  /** Fields that must be given before it can be made, since the source does not show them. */
  readonly asks?: readonly string[];
  /** Why it cannot be written, with what to do. */
  readonly blocked?: string;
  /** The same fields as `wanted`, as the target has them; undefined when it is not there. */
  present(target: Side): Promise<JsonObject | undefined>;
  /** Where and how the fields of one that is there are changed. Default: written to `path`. */
  change?(target: Side, fields: JsonObject): Promise<void>;
  /** The same for one that is made. Default: written to `path`. */
  make?(target: Side, fields: JsonObject): Promise<void>;
  /** What is wrong besides the fields, when it is there already. */
  alsoDiffers?(target: Side): Promise<string | undefined>;
}

/** Something of the source that stays there. */
export interface Left {
  readonly kind: Kind;
  readonly path: string;
  /** Why, and what to do about it. */
  readonly left: string;
  /** It belongs to what was to be moved, so that the move is not complete without it. */
  readonly missing: boolean;
}

export type Found = Item | Left;

export function isLeft(found: Found): found is Left {
  return 'left' in found;
}
