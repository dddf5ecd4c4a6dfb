import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { keyName, type Peer, PeerTable } from "../../src/node/peer.ts";
import { seedBytes } from "../noise/fixtures.ts";

const peer = (nodeId: number, label = `key ${nodeId}`): Peer =>
  ({ nodeId, publicKey: seedBytes(label) }) as Peer;

describe("the table of peers", () => {
  it("finds a peer by NodeID and by key, whichever array holds it", () => {
    const table = new PeerTable();
    const one = peer(1);
    table.add(one);
    table.add(peer(2));
    assert.equal(table.byNode(1), one);
    assert.equal(table.byKey(seedBytes("key 1").slice()), one);
    assert.equal(table.byKey(Buffer.from(one.publicKey)), one);
    assert.deepEqual(
      [...table].map(({ nodeId }) => nodeId),
      [1, 2],
    );
  });

  it("forgets a removed one under both names", () => {
    const table = new PeerTable();
    const one = peer(1);
    table.add(one);
    table.remove(one);
    assert.equal(table.byNode(1), undefined);
    assert.equal(table.byKey(one.publicKey), undefined);
    assert.deepEqual([...table], []);
  });

  it("finds both by their new names when two have exchanged their keys, one after the other", () => {
    const table = new PeerTable();
    const [one, two] = [peer(1, "a"), peer(2, "b")];
    table.add(one);
    table.add(two);
    table.remove(one);
    const newOne = peer(1, "b");
    table.add(newOne);
    table.remove(two);
    const newTwo = peer(2, "a");
    table.add(newTwo);
    assert.equal(table.byKey(seedBytes("b")), newOne);
    assert.equal(table.byKey(seedBytes("a")), newTwo);
    assert.deepEqual([...table], [newOne, newTwo]);
  });

  it("may lose peers while it is walked through", () => {
    const table = new PeerTable();
    for (const id of [1, 2, 3]) table.add(peer(id));
    for (const each of [...table]) table.remove(each);
    assert.deepEqual([...table], []);
  });

  it("names keys so that equal bytes and nothing else have equal names", () => {
    assert.equal(keyName(seedBytes("a")), keyName(Buffer.from(seedBytes("a"))));
    assert.notEqual(keyName(seedBytes("a")), keyName(seedBytes("b")));
  });
});
