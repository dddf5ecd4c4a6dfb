import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { feasible, potentials } from "../../src/routing/potentials.ts";
import { randomNetwork } from "./networks.ts";
import type { TrueNetwork } from "./networks.ts";

function measured({ ids, delay, offset }: TrueNetwork): Float64Array {
  return Float64Array.from({ length: ids.length ** 2 }, (_, at) => {
    const [i, j] = [Math.floor(at / ids.length), at % ids.length];
    return (delay[i]?.[j] ?? Infinity) + (offset[j] ?? 0) - (offset[i] ?? 0);
  });
}

describe("potentials", () => {
  it("leave small numbers of clocks that lie years apart", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const network = randomNetwork(seed, { n: 12, density: 0.5, clocksApartUs: 1e14 });
      const cost = measured(network);
      const p = potentials(12, cost);
      cost.forEach((us, at) => {
        const plain = us - (p[at % 12] ?? 0) + (p[Math.floor(at / 12)] ?? 0);
        if (us !== Infinity) assert.ok(Math.abs(plain) < 2e6, `seed ${seed}: ${plain}`);
      });
    }
  });

  it("can be moved so that no link is faster than nothing", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const cost = measured(randomNetwork(seed, { n: 12, density: 0.5 }));
      const p = feasible(potentials(12, cost), cost);
      cost.forEach((us, at) => {
        assert.ok((p[at % 12] ?? 0) - (p[Math.floor(at / 12)] ?? 0) <= us, `seed ${seed}`);
      });
    }
  });
});
