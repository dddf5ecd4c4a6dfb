import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { multiaddrText, parseMultiaddrText } from "../../src/control/host.ts";
import { listenError } from "../../src/control/listen.ts";

describe("addresses of the control port", () => {
  it("are multiaddrs of QUIC and TCP", () => {
    assert.equal(multiaddrText("192.0.2.1", 3002, "quic"), "/ip4/192.0.2.1/udp/3002/quic-v1");
    assert.equal(multiaddrText("2001:db8::1", 3002, "tcp"), "/ip6/2001:db8::1/tcp/3002");
  });

  it("are read back from what libp2p says of a connection", () => {
    assert.deepEqual(parseMultiaddrText("/ip4/192.0.2.1/udp/4001/quic-v1/p2p/12D3KooW"), {
      ...{ address: "192.0.2.1", port: 4001, transport: "quic", text: "192.0.2.1:4001" },
    });
    assert.deepEqual(parseMultiaddrText("/ip6/::1/tcp/4001"), {
      ...{ address: "::1", port: 4001, transport: "tcp", text: "[::1]:4001" },
    });
    assert.equal(parseMultiaddrText("/memory/7").address, "");
  });
});

describe("a control port that cannot be listened on", () => {
  it("is reported in the style of node:net, from the words of either transport", () => {
    const quic = listenError(
      new Error("…:\n\n  /ip4/0.0.0.0/udp/3002/quic-v1: Error: Address already in use (os error 98)"),
      3002,
    );
    assert.deepEqual(
      [quic.code, quic.syscall, quic.protocol, quic.port],
      ["EADDRINUSE", "listen", "UDP", 3002],
    );
    assert.equal(quic.message, "listen EADDRINUSE: UDP 0.0.0.0:3002");
    const tcp = listenError(new Error("/ip6/::/tcp/80: Error: listen EACCES: permission denied [::]:80"), 80);
    assert.equal(tcp.message, "listen EACCES: TCP [::]:80");
    const other = listenError(new Error("no such thing\n at …"), 1);
    assert.equal(other.code, "EIO");
    assert.match(other.message, /no such thing/);
  });
});
