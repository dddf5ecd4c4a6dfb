import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { localEndpoints } from "../../src/node/local-endpoints.ts";

const entry = (address: string, internal = false): { address: string; internal: boolean } => ({
  address,
  internal,
});
const all = { port: 3001, ipv4: true, ipv6: true, overlay: [] };

describe("the addresses an edge tells of itself", () => {
  it("are those of its interfaces with the UDP port, without loopback and link-local ones", () => {
    const interfaces = {
      lo: [entry("127.0.0.1", true), entry("::1", true)],
      eth0: [entry("192.0.2.1"), entry("2001:db8::1"), entry("fe80::1"), entry("169.254.3.4")],
    };
    assert.deepEqual(localEndpoints(all, interfaces), ["192.0.2.1:3001", "[2001:db8::1]:3001"]);
  });

  it("leave out families without a socket and the overlay itself", () => {
    const interfaces = { eth0: [entry("192.0.2.1"), entry("2001:db8::1")], ov: [entry("10.7.0.1")] };
    const options = { ...all, ipv6: false, overlay: ["10.7.0.1/16"] };
    assert.deepEqual(localEndpoints(options, interfaces), ["192.0.2.1:3001"]);
  });

  it("are no more than a supernode takes", () => {
    const many = Array.from({ length: 60 }, (_, i) => entry(`192.0.2.${i + 1}`));
    assert.equal(localEndpoints(all, { eth0: many }).length, 16);
  });
});
