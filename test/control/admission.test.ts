import assert from "node:assert/strict";
import { describe, it } from "mocha";
import fc from "fast-check";
import {
  Admission,
  MAX_UNPROVEN,
  MAX_UNPROVEN_PER_PREFIX,
  sourcePrefix,
} from "../../src/control/admission.ts";

describe("places for unproven connections", () => {
  it("counts an IPv4 /24 and an IPv6 /56 as one source", () => {
    assert.equal(sourcePrefix("192.0.2.1"), sourcePrefix("192.0.2.254"));
    assert.notEqual(sourcePrefix("192.0.2.1"), sourcePrefix("192.0.3.1"));
    assert.equal(sourcePrefix("::ffff:192.0.2.9"), sourcePrefix("192.0.2.1"));
    assert.equal(sourcePrefix("2001:db8:1:2200::1"), sourcePrefix("2001:db8:1:22ff:ffff::9"));
    assert.notEqual(sourcePrefix("2001:db8:1:2200::1"), sourcePrefix("2001:db8:1:2300::1"));
    assert.equal(sourcePrefix("::1"), sourcePrefix("0:0:0:0:0:0:0:2"));
    assert.equal(sourcePrefix("fe80::1%eth0"), sourcePrefix("fe80::2"));
    assert.equal(sourcePrefix("2001:db8::"), sourcePrefix("2001:db8:0:0:1::"));
  });

  it("has 64 places, 32 for one prefix", () => {
    const admission = new Admission();
    const taken = (address: string): number => {
      let count = 0;
      while (admission.enter(address) !== undefined) count += 1;
      return count;
    };
    assert.equal(taken("192.0.2.1"), MAX_UNPROVEN_PER_PREFIX);
    assert.equal(taken("192.0.2.77"), 0);
    assert.equal(taken("2001:db8::1"), MAX_UNPROVEN - MAX_UNPROVEN_PER_PREFIX);
    assert.equal(taken("198.51.100.1"), 0);
    assert.equal(admission.count, MAX_UNPROVEN);
  });

  it("gives each place back once", () => {
    const admission = new Admission(2, 2);
    const leave = admission.enter("192.0.2.1");
    admission.enter("192.0.2.2");
    assert.equal(admission.enter("192.0.2.3"), undefined);
    leave?.();
    leave?.();
    assert.equal(admission.count, 1);
    assert.ok(admission.enter("192.0.2.3"));
  });

  it("keeps its count under any order of comings and goings", () => {
    const step = fc.record({ address: fc.constantFrom("192.0.2.1", "192.0.3.1", "::1"), leave: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const admission = new Admission(6, 3);
        const inside: (() => void)[] = [];
        for (const { address, leave } of steps) {
          const place = admission.enter(address);
          if (place !== undefined) inside.push(place);
          if (leave < inside.length) inside.splice(leave, 1)[0]!();
          assert.equal(admission.count, inside.length);
          assert.ok(inside.length <= 6);
        }
        for (const place of inside) place();
        assert.equal(admission.count, 0);
      }),
    );
  });
});
