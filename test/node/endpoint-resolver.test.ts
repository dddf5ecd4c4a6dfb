import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { pino } from "pino";
import { EndpointResolver, type ResolverOptions } from "../../src/node/endpoint-resolver.ts";
import { formatAddress, unpackAddress } from "../../src/wire/address.ts";

interface Found {
  nodeId: number;
  address: string;
}

describe("the resolver of endpoints", () => {
  const open: EndpointResolver[] = [];
  afterEach(() => {
    for (const resolver of open.splice(0)) resolver.stop();
  });

  function make(options: Partial<ResolverOptions> = {}): {
    resolver: EndpointResolver;
    found: Found[];
    lines: string[];
  } {
    const found: Found[] = [];
    const lines: string[] = [];
    const resolver = new EndpointResolver({
      afPrefer: 4,
      ipv4: true,
      ipv6: true,
      intervalMs: 0,
      log: pino({ base: null }, { write: (line: string) => void lines.push(line) }),
      isUp: () => false,
      onAddress: (nodeId, packed) => {
        const address = unpackAddress(packed);
        found.push({ nodeId, address: address === undefined ? "none" : formatAddress(address) });
      },
      ...options,
    });
    open.push(resolver);
    return { resolver, found, lines };
  }

  async function until(condition: () => boolean): Promise<void> {
    const end = performance.now() + 3000;
    while (!condition()) {
      assert.ok(performance.now() < end, "it never happened");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  it("takes numeric addresses of both families as they are", async () => {
    const { resolver, found } = make();
    resolver.watch(1, "192.0.2.1:3001");
    resolver.watch(2, "[2001:db8::2]:3002");
    await until(() => found.length === 2);
    assert.deepEqual(found, [
      { nodeId: 1, address: "192.0.2.1:3001" },
      { nodeId: 2, address: "[2001:db8::2]:3002" },
    ]);
  });

  it("asks for names, in the family that has a socket", async () => {
    const { resolver, found } = make({ ipv6: false, afPrefer: 6 });
    resolver.watch(1, "localhost:4000");
    await until(() => found.length === 1);
    assert.equal(found[0]?.address, "127.0.0.1:4000");
  });

  it("warns of a name that does not resolve, and goes on with the others", async () => {
    const { resolver, found, lines } = make();
    resolver.watch(1, "no-such-host.invalid:4000");
    resolver.watch(2, "192.0.2.2:4000");
    await until(() => lines.length === 1 && found.length === 1);
    assert.match(lines[0] ?? "", /no-such-host\.invalid/);
    assert.equal(found[0]?.nodeId, 2);
  });

  it("asks again at the interval while the link is down, not while it is up", async () => {
    let up = false;
    const { resolver, found } = make({ intervalMs: 20, isUp: () => up });
    resolver.watch(1, "192.0.2.1:1");
    await until(() => found.length >= 3);
    up = true;
    await pause(30);
    const before = found.length;
    await pause(100);
    assert.equal(found.length, before);
    up = false;
    await until(() => found.length > before);
  });

  it("with interval 0 asks once", async () => {
    const { resolver, found } = make({ intervalMs: 0 });
    resolver.watch(1, "192.0.2.1:1");
    await pause(60);
    assert.equal(found.length, 1);
  });

  it("takes another interval while it runs, 0 and back included, without asking all the time", async () => {
    let asked = 0;
    const { resolver, found } = make({ intervalMs: 20, isUp: () => ++asked > 0 });
    resolver.watch(1, "192.0.2.1:1");
    await until(() => asked >= 2);
    resolver.intervalMs = 0;
    const before = asked;
    await pause(100);
    assert.equal(asked, before);
    resolver.intervalMs = 20;
    await until(() => asked > before);
    assert.equal(found.length, 1);
  });

  it("with an interval longer than timers can wait does not ask all the time", async () => {
    const { resolver, found } = make({ intervalMs: 1e12 });
    resolver.watch(1, "192.0.2.1:3001");
    await until(() => found.length > 0);
    await pause(50);
    assert.equal(found.length, 1);
  });

  it("gives no answer for what was forgotten or replaced while it was asked for", async () => {
    const { resolver, found } = make();
    resolver.watch(1, "localhost:1");
    resolver.forget(1);
    resolver.watch(2, "localhost:2");
    resolver.watch(2, "192.0.2.2:22");
    await until(() => found.length > 0);
    await pause(100);
    assert.deepEqual(found, [{ nodeId: 2, address: "192.0.2.2:22" }]);
  });

  it("is silent once stopped, also about what it was just asking", async () => {
    const { resolver, found } = make({ intervalMs: 10 });
    resolver.watch(1, "localhost:1");
    resolver.watch(2, "192.0.2.1:1");
    resolver.stop();
    await pause(100);
    assert.deepEqual(found, []);
  });
});
