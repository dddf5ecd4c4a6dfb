import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Keepalives } from "../../src/node/keepalive.ts";
import { type Peer, PeerTable } from "../../src/node/peer.ts";

function peer(nodeId: number, persistentKeepalive: number): Peer {
  return { nodeId, persistentKeepalive, publicKey: new Uint8Array(32).fill(nodeId) } as Peer;
}

describe("persistent keepalives", () => {
  /** Runs `seconds` seconds of checks; returns when each peer was sent to. */
  function run(peers: PeerTable, seconds: number, each?: (second: number) => void): Map<number, number[]> {
    const sent = new Map<number, number[]>();
    const keepalives = new Keepalives(
      new PeerTable(),
      () => 0,
      () => undefined,
    );
    for (let second = 0; second < seconds; second++) {
      each?.(second);
      keepalives.check(peers, second * 1000, ({ nodeId }) =>
        sent.set(nodeId, [...(sent.get(nodeId) ?? []), second]),
      );
    }
    keepalives.stop();
    return sent;
  }

  it("leave as often as each peer wants them, and not for those who want none", () => {
    const peers = new PeerTable();
    for (const each of [peer(1, 5), peer(2, 1), peer(3, 0)]) peers.add(each);
    const sent = run(peers, 11);
    assert.deepEqual(sent.get(1), [0, 5, 10]);
    assert.deepEqual(sent.get(2), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert.equal(sent.get(3), undefined);
  });

  it("follow an interval that is changed or switched off, and a peer that is removed", () => {
    const peers = new PeerTable();
    const [changing, removed] = [peer(1, 60), peer(2, 2)];
    peers.add(changing);
    peers.add(removed);
    const sent = run(peers, 12, (second) => {
      if (second === 2) changing.persistentKeepalive = 3;
      if (second === 9) changing.persistentKeepalive = 0;
      if (second === 5) peers.remove(removed);
    });
    assert.deepEqual(sent.get(1), [0, 5, 8]);
    assert.deepEqual(sent.get(2), [0, 2, 4]);
  });
});
