/** The tables that the engine follows by itself: the data plane's own arrays, none of them a copy. */
import type { RelayTables } from "../native/addon.ts";
import type { PlaneState } from "./state.ts";

/** `meter`: of {@link newRelayMeter}. */
export function relayTables(state: PlaneState, meter: Float64Array): RelayTables {
  const { nextHop, backup, hops, sendSlot, link, linkState, addressed, known } = state.members;
  return {
    nextHop,
    backup,
    hops,
    sendSlot,
    link,
    linkState,
    addressed,
    known,
    confirmed: state.slotConfirmed,
    defaultTtl: state.defaultTtl,
    patient: state.patient,
    carried: state.activity.carried,
    credit: state.relayCredit,
    meter,
  };
}
