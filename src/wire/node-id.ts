/** NodeIDs, 16 bits on the wire (DESIGN §1). */

/** Of an edge. What is above has special meanings, or none yet. */
export const MAX_NODE_ID = 65531;
/** Of every supernode. */
export const SUPER_NODE_ID = 65533;
